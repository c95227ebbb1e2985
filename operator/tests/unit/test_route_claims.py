"""Of two services with one path the oldest has it, whichever way they want to be reached."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop_operator.route_claims import Claimant, claims, covers
from shop_operator.spec import Key, normalised


def claimant(
    name: str, *paths: str, age: int = 0, namespace: str = "shop", **more: Any
) -> Claimant:
    """Return a claimant; the higher its age, the older."""
    facts: dict[str, Any] = {"host": "shop.localhost", "via": "gateway", "is_gateway": False}
    facts |= {"created": f"2026-01-{31 - age:02}T00:00:00Z"} | more
    return Claimant(key=Key(namespace, name), paths=normalised(paths), **facts)


def gateway(*paths: str, age: int = 0, namespace: str = "shop", **more: Any) -> Claimant:
    facts = {"via": "edge", "is_gateway": True} | more
    return claimant("gateway", *(paths or ("/",)), age=age, namespace=namespace, **facts)


def lost(*claimants: Claimant, shared_edge: bool = True) -> dict[str, dict[str, str]]:
    """Return the paths that were lost, and to whom, by the loser's name."""
    found = claims(claimants, shared_edge=shared_edge)
    assert claims(reversed(claimants), shared_edge=shared_edge) == found
    return {
        str(key): {path: str(holder) for path, holder in claim.lost}
        for key, claim in found.items()
        if claim.lost
    }


@pytest.mark.parametrize("via", ["gateway", "edge"])
@pytest.mark.parametrize("written", ["/v1/orders", "/v1/orders/", "/v1/orders//"])
def test_the_oldest_has_the_path(via: str, written: str) -> None:
    old = claimant("zebra", "/v1/orders", age=2, via=via)
    new = claimant("ant", written, "/v1/ants", age=1, via=via)
    assert lost(old, new) == {"shop/ant": {"/v1/orders": "shop/zebra"}}
    assert claims([old, new], shared_edge=True)[new.key].won == ("/v1/ants",)


def test_of_two_made_in_one_second_the_first_by_name_has_it() -> None:
    assert lost(claimant("b", "/x"), claimant("a", "/x")) == {"shop/b": {"/x": "shop/a"}}


def test_a_path_twice_in_one_service_is_one_path() -> None:
    assert normalised(["/a", "/a/", "/b//c//", "/", "//"]) == ("/a", "/b/c", "/")
    assert lost(claimant("a", "/a", "/a/")) == {}


def test_a_longer_prefix_and_one_that_only_looks_alike_are_other_paths() -> None:
    for via in ("gateway", "edge"):
        orders = claimant("orders", "/v1/orders", age=3, via=via)
        returns = claimant("returns", "/v1/orders/returns", age=2, via=via)
        assert lost(orders, returns, claimant("order", "/v1/order", via=via)) == {}


def test_the_edge_and_the_gateway_behind_it_are_one_space() -> None:
    behind = claimant("orders", "/v1/orders", age=2)
    in_front = claimant("thief", "/v1/orders", age=1, via="edge")
    assert lost(gateway(age=9), behind, in_front) == {"shop/thief": {"/v1/orders": "shop/orders"}}
    in_front = claimant("early", "/v1/orders", age=5, via="edge")
    assert lost(gateway(age=9), behind, in_front) == {"shop/orders": {"/v1/orders": "shop/early"}}


def test_a_prefix_at_the_edge_that_cuts_off_what_a_gateway_serves_is_a_conflict() -> None:
    behind = claimant("orders", "/v1/orders", age=2)
    whole = claimant("whole", "/v1", age=1, via="edge")
    assert lost(gateway(age=9), behind, whole) == {"shop/whole": {"/v1": "shop/orders"}}
    # Where the gateway's own prefix is the longer one, its requests reach it all the same.
    assert lost(gateway("/v1", age=9), behind, claimant("root", "/", via="edge")) == {}
    longer = claimant("returns", "/v1/orders/returns", via="edge")
    assert lost(gateway(age=9), behind, longer) == {}


def test_the_gateway_takes_no_path_from_those_behind_it() -> None:
    root = claimant("storefront", "/", age=9)
    assert lost(gateway(age=1), root) == {}
    assert lost(gateway(age=9), claimant("storefront", "/", age=1)) == {}


def test_other_hosts_and_namespaces_do_not_meet() -> None:
    one = claimant("a", "/x", age=2, via="edge")
    assert lost(one, claimant("b", "/x", via="edge", host="other.localhost")) == {}
    staging = claimant("b", "/x", namespace="staging")
    assert lost(claimant("a", "/x", age=2), staging) == {}
    # At one edge, namespaces do meet; with an entry of its own each, they do not.
    there = claimant("b", "/x", via="edge", namespace="staging")
    assert lost(one, there) == {"staging/b": {"/x": "shop/a"}}
    assert lost(one, there, shared_edge=False) == {}


def test_a_second_shop_at_the_same_edge_loses_its_gateways_path_and_no_other() -> None:
    shops = [
        each
        for namespace, age in (("shop", 9), ("staging", 3))
        for each in (
            gateway(age=age, namespace=namespace),
            claimant("orders", "/v1/orders", age=age, namespace=namespace),
        )
    ]
    assert lost(*shops) == {"staging/gateway": {"/": "shop/gateway"}}
    assert lost(*shops, shared_edge=False) == {}


SEGMENTS = st.lists(st.sampled_from(["a", "b"]), max_size=2).map(
    lambda parts: "/" + "/".join(parts)
)


@given(
    st.lists(
        st.tuples(
            st.lists(SEGMENTS, min_size=1), st.sampled_from(["edge", "gateway"]), st.booleans()
        ),
        max_size=6,
    ),
    st.booleans(),
)
def test_each_path_has_one_owner_whoever_asks(
    declared: list[tuple[list[str], str, bool]],
    shared_edge: bool,  # noqa: FBT001 - hypothesis'
) -> None:
    everybody = [
        claimant(f"s{number}", *paths, age=number % 3, via=via, is_gateway=is_gateway)
        for number, (paths, via, is_gateway) in enumerate(declared)
    ]
    found = claims(everybody, shared_edge=shared_edge)
    for each in everybody:
        claim = found[each.key]
        assert set(claim.won) | {path for path, _ in claim.lost} == set(each.paths)
        assert not set(claim.won) & {path for path, _ in claim.lost}
        for other in everybody:
            if other.key != each.key and other.via == each.via:
                assert not set(claim.won) & set(found[other.key].won)
        for path, holder in claim.lost:
            assert holder != each.key
            theirs = found[holder].won
            assert any(covers(t, path) or covers(path, t) for t in theirs)


def test_prefixes_match_whole_segments() -> None:
    assert covers("/", "/anything")
    assert covers("/v1", "/v1")
    assert covers("/v1", "/v1/x")
    assert not covers("/v1", "/v10")
