"""The built-in policies, question by question."""

import pytest

from shop_auth import policies

POLICIES = policies.load(None)
ME, OTHER = "me", "another"


@pytest.mark.parametrize(
    ("role", "action", "resource", "owner", "decision"),
    [
        ("customer", "create", "order", None, "allow"),
        ("customer", "read", "order", ME, "allow"),
        ("customer", "read", "order", OTHER, "deny"),
        ("customer", "read", "order", None, "deny"),
        ("customer", "update", "product", None, "deny"),
        ("customer", "read", "product", None, "allow"),
        ("staff", "update", "product", None, "allow"),
        ("staff", "read", "order", OTHER, "allow"),
        ("staff", "refund", "payment", OTHER, "deny"),
        ("admin", "refund", "payment", OTHER, "allow"),
        ("service", "read", "order", OTHER, "allow"),
        ("service", "update", "order", OTHER, "deny"),
        ("nobody", "read", "product", None, "deny"),
    ],
)
def test_decisions(role: str, action: str, resource: str, owner: str | None, decision: str) -> None:
    made = policies.decide(
        POLICIES, subject=ME, roles=[role], action=action, resource=resource, owner=owner
    )
    assert made.decision == decision
    assert made.reason


def test_any_of_the_roles_is_enough() -> None:
    made = policies.decide(
        POLICIES,
        subject=ME,
        roles=["customer", "staff"],
        action="read",
        resource="order",
        owner=OTHER,
    )
    assert (made.decision, made.policy) == ("allow", "staff-orders")


def test_without_roles_nothing_is_allowed() -> None:
    made = policies.decide(
        POLICIES, subject=ME, roles=[], action="read", resource="product", owner=None
    )
    assert made.decision == "deny"


def test_ids_of_policies_are_unique() -> None:
    ids = [policy.id for policy in POLICIES]
    assert len(set(ids)) == len(ids)
