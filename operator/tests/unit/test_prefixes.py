"""Whose the keys and queues are that begin with a name which services of two namespaces have."""

from typing import Any

import pytest

from shop_operator.admission.review import review
from shop_operator.settings import Settings
from shop_operator.spec import ShopService, parse
from shop_operator.stores.prefixes import taken

from .specs import service

SPECS: dict[str, dict[str, Any]] = {
    "CacheUser": {"cache": {"kind": "redis"}},
    "QueueUser": {"queue": {"kind": "rabbitmq"}},
}
BOTH = pytest.mark.parametrize("kind", list(SPECS))


def a(
    key: str, kind: str, *, created: str = "2026-01-01T00:00:00Z", has: bool = False
) -> ShopService:
    namespace, _, name = key.partition("/")
    body = service(name, {"image": "a:1", **SPECS[kind]}, namespace=namespace)
    body["metadata"]["creationTimestamp"] = created
    user = {"store": "any", "kind": kind, "name": f"{namespace}-{name}"}
    return parse(body | {"status": {"external": [user] if has else []}})


@BOTH
def test_the_oldest_of_one_name_has_them(kind: str) -> None:
    old, new = a("one/orders", kind), a("two/orders", kind, created="2026-01-02T00:00:00Z")
    error = taken(kind, new, [old, new], Settings())
    assert error is not None
    assert error.reason == "NotOwned"
    assert "begin with orders" in str(error)
    assert "one/orders" in str(error)
    assert taken(kind, old, [old, new], Settings()) is None


@BOTH
def test_whoever_has_a_user_already_keeps_them(kind: str) -> None:
    old = a("one/orders", kind)
    new = a("two/orders", kind, created="2026-01-02T00:00:00Z", has=True)
    assert taken(kind, old, [old, new], Settings()) is not None
    assert taken(kind, new, [old, new], Settings()) is None


@BOTH
def test_two_that_have_them_both_already_go_on(kind: str) -> None:
    services = [a("one/orders", kind, has=True), a("two/orders", kind, has=True)]
    assert [taken(kind, each, services, Settings()) for each in services] == [None, None]


@BOTH
@pytest.mark.parametrize("other", ["one/order", "one/orders-too", "one/xorders", "two/else"])
def test_other_names_are_others(kind: str, other: str) -> None:
    assert taken(kind, a("two/orders", kind), [a(other, kind)], Settings()) is None


@BOTH
def test_names_that_carry_their_namespace_are_nobody_elses(kind: str) -> None:
    scoped = Settings(scope="namespace", rabbitmq_vhosts={"one": "one", "two": "two"})
    assert taken(kind, a("two/orders", kind), [a("one/orders", kind)], scoped) is None


def test_a_service_with_a_namespaces_name_would_reach_all_of_its_keys() -> None:
    mixed = Settings(scope="namespace", cluster_scoped_namespaces=("shop",))
    other = a("staging/orders", "CacheUser", has=True)
    assert taken("CacheUser", a("shop/staging", "CacheUser"), [other], mixed) is not None


@BOTH
def test_admission_refuses_them(kind: str) -> None:
    [refusal] = review(a("two/orders", kind), None, [a("one/orders", kind)], Settings()).refusals
    assert "one/orders" in refusal
