"""The policies, question by question, and the dependency that enforces them."""

from typing import Annotated
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from shop_shared.http import problems
from shop_shared.http.auth import Principal, permit
from shop_shared.http.policies import decide, policies, scopes_for
from shop_shared.testing import Signer

ME, OTHER = "me", "another"


@pytest.mark.parametrize(
    ("role", "action", "resource", "owner", "decision"),
    [
        ("customer", "create", "order", None, "allow"),
        ("customer", "read", "order", ME, "allow"),
        ("customer", "read", "order", OTHER, "deny"),
        ("customer", "read", "order", None, "deny"),
        ("customer", "cancel", "order", ME, "allow"),
        ("customer", "update", "order", ME, "allow"),
        ("customer", "update", "product", None, "deny"),
        ("customer", "read", "product", None, "allow"),
        ("customer", "retry", "notification", ME, "deny"),
        ("staff", "update", "product", None, "allow"),
        ("staff", "read", "order", OTHER, "allow"),
        ("staff", "cancel", "order", OTHER, "allow"),
        ("staff", "refund", "payment", OTHER, "allow"),
        ("staff", "create", "shipment", None, "deny"),
        ("staff", "suspend", "user", OTHER, "deny"),
        ("staff", "delete", "user", OTHER, "deny"),
        ("admin", "delete", "user", OTHER, "allow"),
        ("admin", "refund", "payment", OTHER, "allow"),
        ("admin", "create", "shipment", None, "allow"),
        ("admin", "verify", "credentials", None, "deny"),
        ("service", "verify", "credentials", None, "allow"),
        ("service", "read", "order", OTHER, "deny"),
        ("service", "update", "order", OTHER, "deny"),
        ("nobody", "read", "product", None, "deny"),
    ],
)
def test_decisions(role: str, action: str, resource: str, owner: str | None, decision: str) -> None:
    made = decide(subject=ME, roles=[role], action=action, resource=resource, owner=owner)
    assert made.decision == decision
    assert made.reason


def test_the_widest_of_the_roles_counts() -> None:
    roles = ["customer", "staff"]
    made = decide(subject=ME, roles=roles, action="read", resource="order", owner=OTHER)
    assert (made.decision, made.policy) == ("allow", "orders")


def test_without_roles_nothing_is_allowed() -> None:
    made = decide(subject=ME, roles=[], action="read", resource="product", owner=None)
    assert made.decision == "deny"


def test_ids_of_policies_are_unique() -> None:
    ids = [policy.id for policy in policies()]
    assert len(set(ids)) == len(ids)


def test_a_right_that_nobody_has_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"policies\.json"):
        permit("fly", "moon")


def test_scopes_are_the_right_and_the_roles_that_have_it() -> None:
    assert scopes_for("create", "shipment") == ["shipment:create", "admin"]


@pytest.mark.parametrize(
    ("roles", "status", "only_own"),
    [
        (["customer"], 200, True),
        (["customer", "staff"], 200, False),
        (["admin"], 200, False),
        (["service"], 403, None),
        (["made-up"], 403, None),
        ([], 403, None),
    ],
)
async def test_a_route_lets_in_who_has_the_right(
    roles: list[str], status: int, *, only_own: bool | None
) -> None:
    app, signer, owner = FastAPI(), Signer(), uuid4()
    app.state.token_verifier = signer.verifier()
    problems.install(app)

    @app.get("/")
    async def read(caller: Annotated[Principal, permit("read", "order")]) -> dict[str, object]:
        return {
            "own": caller.owner_filter() == owner,
            "others": caller.can_view(UUID(int=1)),
            "asked": caller.owner_filter(UUID(int=1)) == UUID(int=1),
        }

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        answer = await client.get("/", headers=signer.headers(owner, roles=roles))
    assert answer.status_code == status
    if status == 200:
        assert answer.json() == {"own": only_own, "others": not only_own, "asked": not only_own}
