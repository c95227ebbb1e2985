"""Routes: the oldest has a path, the others are told; Ready and URL only where requests arrive."""

import asyncio
from functools import partial
from typing import Any

import orjson

from shop_operator.api.kinds import CONFIG_MAP, HTTP_ROUTE, SHOP_SERVICE, Kind

from .shop import Shop, eventually
from .workloads import observe, set_status

ORDERS = {"paths": ["/v1/orders"], "via": "gateway"}
SERVICE = Kind("v1", "Service", "services")


async def test_the_oldest_has_a_path_and_the_other_gets_it_when_it_is_given_up(shop: Shop) -> None:
    await shop.start()
    await shop.declare("zebra", route=ORDERS)
    await shop.settled("zebra")
    await asyncio.sleep(1.1)  # creation timestamps have whole seconds
    await shop.declare("ant", route={"paths": ["/v1/orders/", "/v1/ants"], "via": "gateway"})
    message = await shop.reason("ant", "RouteReady", "PathTaken")
    assert f"/v1/orders belongs to ShopService {shop.namespace}/zebra" in message
    assert (await shop.condition("ant", "Ready"))["status"] == "False"
    await eventually(partial(_table_is, shop, {"/v1/orders": "zebra", "/v1/ants": "ant"}))
    assert (await shop.condition("zebra", "RouteReady"))["reason"] == "GatewayMissing"
    body = await shop.client.get(SHOP_SERVICE, shop.namespace, "zebra")
    await shop.client.delete(SHOP_SERVICE, shop.namespace, "zebra", uid=body["metadata"]["uid"])
    await shop.reason("ant", "RouteReady", "GatewayMissing")
    await eventually(partial(_table_is, shop, {"/v1/orders": "ant", "/v1/ants": "ant"}))


async def test_a_route_at_the_edge_does_not_take_what_the_gateway_serves(shop: Shop) -> None:
    await shop.start()
    await shop.declare("gateway", route={"paths": ["/"]}, routeTable={})
    await shop.declare("orders", route=ORDERS)
    await shop.settled("orders")
    await asyncio.sleep(1.1)
    await shop.declare("thief", route={"paths": ["/v1", "/mine"]})
    message = await shop.reason("thief", "RouteReady", "PathTaken")
    assert f"/v1 belongs to ShopService {shop.namespace}/orders" in message
    live = await shop.client.get(HTTP_ROUTE, shop.namespace, "thief")
    matches = live["spec"]["rules"][0]["matches"]
    assert [match["path"]["value"] for match in matches] == ["/mine"]
    await shop.declare("thief", route={"paths": ["/v1"]})  # nothing is left that it may have
    await eventually(partial(_is_gone, shop, HTTP_ROUTE, "thief"))


async def test_a_way_via_the_gateway_is_ready_when_all_of_it_is(shop: Shop) -> None:
    await shop.start()
    await shop.declare("orders", route=ORDERS)
    await shop.reason("orders", "RouteReady", "GatewayMissing")
    assert "url" not in await _status(shop, "orders")
    await shop.declare("gateway", route={"paths": ["/"]}, routeTable={})
    await shop.reason("orders", "RouteReady", "GatewayNotReady")
    await observe(shop, "gateway")
    await shop.reason("orders", "RouteReady", "GatewayUnreachable")
    await _accept(shop, "gateway")
    await shop.reason("gateway", "RouteReady", "Accepted")
    await shop.reason("orders", "RouteReady", "InRouteTable")
    assert (await _status(shop, "orders"))["url"] == "http://shop.localhost/v1/orders"
    await observe(shop, "gateway", readyReplicas=0, availableReplicas=0)
    await shop.reason("orders", "RouteReady", "GatewayNotReady")
    assert "url" not in await _status(shop, "orders")


async def test_without_an_edge_a_labelled_service_is_the_way_in(shop: Shop) -> None:
    await shop.start(edge="none")
    await shop.declare("gateway", route={"paths": ["/"]}, routeTable={})
    await shop.declare("orders", route=ORDERS)
    message = await shop.reason("gateway", "RouteReady", "NoEdge")
    assert "minishop.dev/entry=gateway" in message
    await observe(shop, "gateway")
    entry: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "entry",
            "namespace": shop.namespace,
            "labels": {"minishop.dev/entry": "gateway"},
        },
        "spec": {
            "type": "NodePort",
            "selector": {"app.kubernetes.io/name": "gateway"},
            "ports": [{"name": "http", "port": 8000}],
        },
    }
    made = await shop.client.create(SERVICE, shop.namespace, entry)
    port = made["spec"]["ports"][0]["nodePort"]
    await shop.reason("gateway", "RouteReady", "EntryKept")
    await shop.reason("orders", "RouteReady", "InRouteTable")
    assert (await _status(shop, "orders"))["url"] == f"http://shop.localhost:{port}/v1/orders"
    uid = made["metadata"]["uid"]
    await shop.client.delete(SERVICE, shop.namespace, "entry", uid=uid)
    await shop.reason("orders", "RouteReady", "GatewayUnreachable")


async def test_an_http_route_speaks_of_its_newest_version_only(shop: Shop) -> None:
    await shop.start()
    await shop.declare("web", route={"paths": ["/web"]})
    await shop.reason("web", "RouteReady", "NotAccepted")
    await _accept(shop, "web")
    await shop.reason("web", "RouteReady", "Accepted")
    await shop.declare("web", route={"paths": ["/other"]})
    await shop.reason("web", "RouteReady", "NotAccepted")
    assert "url" not in await _status(shop, "web")
    await _accept(shop, "web", ResolvedRefs="False")
    await shop.reason("web", "RouteReady", "Because")


async def test_while_pods_of_two_ports_are_there_the_gateway_asks_the_service(shop: Shop) -> None:
    """The table has one port; the Service sends each pod its requests at the pod's own."""
    await shop.start()
    await shop.declare("gateway", route={"paths": ["/"]}, routeTable={})
    await shop.declare("orders", route=ORDERS)
    await shop.settled("orders")
    await observe(shop, "orders")
    domain = f"{shop.namespace}.svc.cluster.local"
    await eventually(partial(_leads_to, shop, f"orders-pods.{domain}", 8000))
    await shop.declare("orders", route=ORDERS, port=9000)
    await eventually(partial(_leads_to, shop, f"orders.{domain}", 9000))
    await shop.settled("orders")
    assert await _leads_to(shop, f"orders.{domain}", 9000)
    await observe(shop, "orders")
    await eventually(partial(_leads_to, shop, f"orders-pods.{domain}", 9000))


async def _accept(shop: Shop, name: str, **statuses: str) -> None:
    """Write the status of an HTTPRoute as its Gateway's controller would."""
    live = await shop.client.get(HTTP_ROUTE, shop.namespace, name)
    conditions = [
        {
            "type": kind,
            "status": status,
            "observedGeneration": live["metadata"]["generation"],
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "reason": "Because",
            "message": "said so",
        }
        for kind, status in ({"Accepted": "True", "ResolvedRefs": "True"} | statuses).items()
    ]
    parent = {
        "parentRef": live["spec"]["parentRefs"][0],
        "controllerName": "example.com/kong",
        "conditions": conditions,
    }
    await set_status(shop, HTTP_ROUTE, name, {"parents": [parent]})


async def _status(shop: Shop, name: str) -> dict[str, Any]:
    body = await shop.client.get(SHOP_SERVICE, shop.namespace, name)
    return dict(body["status"])


async def _table_is(shop: Shop, wanted: dict[str, str]) -> bool:
    live = await shop.get(CONFIG_MAP, shop.platform.route_table)
    entries = orjson.loads(live["data"]["routes.json"]) if live else []
    return {path: entry["service"] for entry in entries for path in entry["paths"]} == wanted


async def _is_gone(shop: Shop, kind: Kind, name: str) -> bool:
    return await shop.get(kind, name) is None


async def _leads_to(shop: Shop, host: str, port: int) -> bool:
    live = await shop.get(CONFIG_MAP, shop.platform.route_table)
    entries = orjson.loads(live["data"]["routes.json"]) if live else []
    return [(entry["headless"], entry["port"]) for entry in entries] == [(host, port)]
