"""RouteReady is True only where a way exists, and the URL is one that answers."""

from dataclasses import replace
from typing import Any

import pytest

from shop_operator.apply.result import ApplyResult
from shop_operator.conditions.route import (
    GatewayState,
    RouteReadiness,
    RouteView,
    route,
    route_child,
)
from shop_operator.metadata import Manifest
from shop_operator.route_claims import Claim
from shop_operator.settings import Settings
from shop_operator.spec import Key, parse

from .specs import service

GATEWAY = GatewayState(
    key=Key("shop", "gateway"), serves=True, reachable=True, base="http://shop.localhost:8080"
)
WON = Claim(won=("/v1/orders",))


def assessed(
    view: RouteView, *live: Manifest, edge: str = "gateway-api", via: str = "gateway"
) -> RouteReadiness:
    """Return the readiness of a service's route."""
    declared = parse(service("a", {"image": "a:1", "route": {"paths": ["/v1/orders"], "via": via}}))
    platform = Settings.model_validate({"edge": edge})
    found = route(declared, platform, ApplyResult(live=list(live)), view)
    assert found is not None
    assert (found.url is None) or found.status == "True" or found.reason == "PathTaken"
    return found


def test_via_the_gateway_of_the_namespace() -> None:
    found = assessed(RouteView(claim=WON, in_table=True, gateway=GATEWAY))
    assert (found.status, found.reason) == ("True", "InRouteTable")
    assert found.url == "http://shop.localhost:8080/v1/orders"
    assert "whether it serves it yet it does not say" in found.message


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        ({"gateway": None}, "GatewayMissing"),
        ({"in_table": False}, "RouteTablePending"),
        ({"gateway": {"serves": False}}, "GatewayNotReady"),
        ({"gateway": {"reachable": False}}, "GatewayUnreachable"),
        ({"gateway": {"covers": False}}, "GatewayUnreachable"),
        ({"gateway": {"unserved": "pod x serves an older one", "tells": True}}, "RouteNotServed"),
    ],
)
def test_a_way_via_the_gateway_that_is_not_whole(view: dict[str, Any], reason: str) -> None:
    gateway = view.get("gateway", {})
    facts = {"key": GATEWAY.key, "serves": True, "reachable": True, "base": GATEWAY.base}
    state = None if gateway is None else GatewayState(**facts | gateway)
    found = assessed(RouteView(claim=WON, in_table=view.get("in_table", True), gateway=state))
    assert (found.status, found.reason, found.url) == ("False", reason, None)


def test_a_gateway_that_tells_that_it_serves_the_route_is_believed() -> None:
    found = assessed(RouteView(claim=WON, in_table=True, gateway=replace(GATEWAY, tells=True)))
    assert (found.status, found.reason) == ("True", "Served")


@pytest.mark.parametrize("declared", [None, {"paths": ["/v1/orders"], "via": "edge"}])
def test_a_way_that_is_taken_back_is_told_while_it_exists(declared: Any) -> None:
    spec = {"image": "a:1"} | ({"route": declared} if declared else {})
    view = RouteView(claim=Claim(), withdrawn="pod x still serves the former route")
    found = route(parse(service("a", spec)), Settings(), ApplyResult(), view)
    assert found is not None
    assert (found.status, found.reason, found.url) == ("False", "RouteWithdrawing", None)


def test_a_gateway_without_a_route_of_its_own_is_a_way_without_a_known_url() -> None:
    state = GatewayState(key=GATEWAY.key, serves=True, reachable=True)
    found = assessed(RouteView(claim=WON, in_table=True, gateway=state))
    assert (found.status, found.url) == ("True", None)


def test_a_taken_path_is_told_with_whose_it_is() -> None:
    taken = Claim(lost=(("/v1/orders", Key("shop", "orders")),))
    found = assessed(RouteView(claim=taken, gateway=GATEWAY))
    assert (found.status, found.reason, found.url) == ("False", "PathTaken", None)
    assert "/v1/orders belongs to ShopService shop/orders" in found.message


def test_without_an_edge_only_a_labelled_entry_is_a_way() -> None:
    found = assessed(RouteView(claim=WON), edge="none", via="edge")
    assert (found.status, found.reason, found.url) == ("False", "NoEdge", None)
    assert "minishop.dev/entry=a" in found.message
    found = assessed(RouteView(claim=WON, entry="http://x:8080"), edge="none", via="edge")
    assert (found.status, found.url) == ("True", "http://x:8080/v1/orders")


def http_route(*conditions: tuple[str, str, int], parent: str = "kong", **more: Any) -> Manifest:
    """Return an HTTPRoute of generation 2 with conditions of (type, status, generation)."""
    said = [
        {"type": kind, "status": status, "observedGeneration": generation, "reason": f"{kind}Why"}
        for kind, status, generation in conditions
    ]
    reference = {"name": parent, "namespace": "kong"}
    return {
        "kind": "HTTPRoute",
        "metadata": {"name": "a", "namespace": "shop", "generation": 2} | more,
        "spec": {"parentRefs": [{"name": "kong", "namespace": "kong"}]},
        "status": {"parents": [{"parentRef": reference, "conditions": said}]},
    }


BOTH = (("Accepted", "True", 2), ("ResolvedRefs", "True", 2))


@pytest.mark.parametrize(
    ("child", "status", "reason"),
    [
        (http_route(*BOTH), "True", "Accepted"),
        (http_route(*BOTH, ("Programmed", "True", 2)), "True", "Accepted"),
        (http_route(*BOTH, ("Programmed", "False", 2)), "False", "ProgrammedWhy"),
        (http_route(*BOTH, ("Programmed", "True", 1)), "False", "NotAccepted"),
        (http_route(("Accepted", "False", 2), BOTH[1]), "False", "AcceptedWhy"),
        (http_route(BOTH[0], ("ResolvedRefs", "False", 2)), "False", "ResolvedRefsWhy"),
        (http_route(BOTH[0]), "False", "NotAccepted"),
        (http_route(("Accepted", "True", 1), BOTH[1]), "False", "NotAccepted"),
        (http_route(BOTH[0], ("ResolvedRefs", "True", 1)), "False", "NotAccepted"),
        (http_route(), "False", "NotAccepted"),
        (http_route(*BOTH) | {"status": {}}, "False", "NotAccepted"),
        (http_route(*BOTH, parent="another"), "False", "NotAccepted"),
        (http_route(*BOTH, deletionTimestamp="now"), "False", "RouteMissing"),
    ],
)
def test_an_http_route_is_ready_as_its_gateway_says(
    child: Manifest, status: str, reason: str
) -> None:
    assert route_child(child)[:2] == (status, reason)
    found = assessed(RouteView(claim=WON), child, via="edge")
    assert (found.status, found.reason) == (status, reason)
    assert found.url == ("http://shop.localhost/v1/orders" if status == "True" else None)


def test_a_plugin_that_kong_refuses_is_told() -> None:
    said = {"type": "Programmed", "status": "False", "reason": "Invalid", "message": "no minute"}
    plugin = {
        "kind": "KongPlugin",
        "metadata": {"name": "a-rate-limiting"},
        "status": {"conditions": [said]},
    }
    found = assessed(RouteView(claim=WON), http_route(*BOTH), plugin, via="edge")
    assert (found.status, found.reason) == ("False", "Invalid")
    assert "no minute" in found.message


def test_an_ingress_is_ready_once_a_controller_serves_it() -> None:
    ingress: Manifest = {
        "kind": "Ingress",
        "metadata": {"name": "a"},
        "spec": {"ingressClassName": "kong"},
    }
    assert assessed(RouteView(claim=WON), ingress, edge="ingress", via="edge").status == "False"
    ingress["status"] = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}
    found = assessed(RouteView(claim=WON), ingress, edge="ingress", via="edge")
    assert (found.status, found.url) == ("True", "http://shop.localhost/v1/orders")


def test_no_route_at_the_edge_is_told() -> None:
    assert assessed(RouteView(claim=WON), via="edge").reason == "RouteMissing"
