"""RouteReady via the gateway: True once the gateway's pods, real ones, serve the route."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from shop_operator.api.kinds import CONFIG_MAP, SHOP_SERVICE

from .shop import Shop, eventually
from .test_routes import _accept, _table_is
from .workloads import hastened, make_pod, observe, ready_at

ORDERS = {"paths": ["/v1/orders"], "via": "gateway"}


@dataclass
class GatewayPod:
    """A gateway's process, and the file that a kubelet would bring the route table to."""

    name: str
    url: str
    routes: Path

    async def bring(self, shop: Shop) -> None:
        """Bring the live route table, as the kubelet would."""
        live = await shop.client.get(CONFIG_MAP, shop.namespace, shop.platform.route_table)
        self.routes.write_text(live["data"]["routes.json"])


@asynccontextmanager
async def gateway_pod(
    shop: Shop, name: str, folder: Path, **environment: str
) -> AsyncIterator[GatewayPod]:
    """Run the real gateway at HOST and PORT, as a ready pod of the service `gateway`."""
    address, port = environment["HOST"], environment["PORT"]
    pod = GatewayPod(name, f"http://{address}:{port}", folder / f"{name}.json")
    pod.routes.write_text("[]")
    program = Path(sys.executable).with_name("shop-gateway")
    with (folder / f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program,
            "serve",
            env=os.environ | environment | {"ROUTES_FILE": str(pod.routes)},
            stdout=log,
            stderr=log,
        )
    try:
        async with httpx.AsyncClient(base_url=pod.url) as http:
            await eventually(partial(_answers, http), seconds=60)
        await make_pod(shop, "gateway", name, ready_at(address))
        yield pod
    finally:
        process.terminate()
        await process.wait()


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/livez")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


@dataclass
class Behind:
    """A shop with a gateway of two pods, and what starts more of them."""

    shop: Shop
    pods: list[GatewayPod]

    async def bring(self) -> None:
        for pod in self.pods:
            await pod.bring(self.shop)


@pytest.fixture
async def behind(
    shop: Shop, redis_url: str, closed_port: int, tmp_path: Path
) -> AsyncIterator[Behind]:
    environment = {
        "REDIS_URL": redis_url,
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "PORT": str(closed_port),
    }
    await shop.start()
    await shop.declare(
        "gateway", port=closed_port, route={"paths": ["/"]}, routeTable={"statusPath": "/routez"}
    )
    await shop.settled("gateway")
    await observe(shop, "gateway", replicas=2, updatedReplicas=2, readyReplicas=2)
    await _accept(shop, "gateway")
    async with AsyncExitStack() as stack:
        pods = [
            await stack.enter_async_context(
                gateway_pod(shop, name, tmp_path, HOST=address, **environment)
            )
            for name, address in (("gateway-1", "127.0.0.2"), ("gateway-2", "127.0.0.3"))
        ]
        yield Behind(shop, pods)


async def serve_orders(behind: Behind) -> None:
    """Declare the orders' route, and have every pod of the gateway serve it."""
    await behind.shop.declare("orders", route=ORDERS)
    await behind.shop.reason("orders", "RouteReady", "RouteNotServed")
    await behind.bring()
    await behind.shop.reason("orders", "RouteReady", "Served")


async def test_a_route_is_ready_once_every_pod_of_the_gateway_serves_it(behind: Behind) -> None:
    shop, (first, second) = behind.shop, behind.pods
    await shop.declare("orders", route=ORDERS)
    await eventually(partial(_says, shop, "pod gateway-1 of the gateway gateway serves an older"))
    assert "url" not in (await shop.client.get(SHOP_SERVICE, shop.namespace, "orders"))["status"]
    for pod in behind.pods:
        await eventually(partial(hastened, shop, pod.name))
    await first.bring(shop)
    await eventually(partial(_says, shop, "pod gateway-2 of the gateway gateway serves an older"))
    await second.bring(shop)
    await shop.reason("orders", "RouteReady", "Served")
    async with httpx.AsyncClient() as http:
        for pod in behind.pods:
            answer = await http.get(f"{pod.url}/v1/orders")
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE  # known, and has no pod
            assert (await http.get(f"{pod.url}/v1/others")).status_code == httpx.codes.NOT_FOUND


async def test_a_gateway_that_does_not_know_a_ready_pod_does_not_serve_it(behind: Behind) -> None:
    shop = behind.shop
    await serve_orders(behind)
    # Nobody answers for its name here, so no gateway can find the pod.
    await make_pod(shop, "orders", "orders-1", ready_at("127.0.0.9"))
    await eventually(partial(_says, shop, "does not know the service's pods yet"))
    assert (await shop.condition("orders", "RouteReady"))["reason"] == "RouteNotServed"


async def test_a_route_that_is_taken_back_is_reported_until_no_pod_serves_it(
    behind: Behind,
) -> None:
    shop = behind.shop
    await serve_orders(behind)
    await shop.declare("orders")
    await shop.reason("orders", "RouteReady", "RouteWithdrawing")
    await eventually(partial(_says, shop, "pod gateway-1 still serves"))
    assert (await shop.condition("orders", "Ready"))["status"] == "False"
    await eventually(partial(_table_is, shop, {}))
    await behind.bring()
    await eventually(partial(_has_no_route, shop))


async def test_a_new_pod_or_operator_that_has_not_asked_yet_takes_no_route_away(
    behind: Behind,
) -> None:
    shop = behind.shop
    await serve_orders(behind)
    before = await shop.client.get(SHOP_SERVICE, shop.namespace, "orders")
    # Ready, but nobody answers there: as a gateway of a version before, without a status path.
    await make_pod(shop, "gateway", "gateway-3", ready_at("127.0.0.4"))
    await shop.stop()
    await shop.start()
    await shop.declare("users", route={"paths": ["/v1/users"], "via": "gateway"})
    await shop.reason("users", "RouteReady", "RouteNotServed")
    await behind.bring()
    silent = "pod gateway-3 of the gateway gateway has not said yet what it serves"
    await eventually(partial(_says, shop, silent, name="users"))
    after = await shop.client.get(SHOP_SERVICE, shop.namespace, "orders")
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_a_gateway_that_does_not_tell_is_hastened_after_each_change(shop: Shop) -> None:
    await shop.start()
    await shop.declare("gateway", route={"paths": ["/"]}, routeTable={})
    await shop.settled("gateway")
    await make_pod(shop, "gateway", "gateway-1", ready_at("127.0.0.2"))
    await asyncio.sleep(2)
    assert not await hastened(shop, "gateway-1")  # nothing has changed since it started
    await shop.declare("orders", route=ORDERS)
    await eventually(partial(hastened, shop, "gateway-1"))


async def _says(shop: Shop, text: str, *, name: str = "orders") -> bool:
    condition: dict[str, Any] = await shop.condition(name, "RouteReady")
    return text in condition.get("message", "")


async def _has_no_route(shop: Shop) -> bool:
    return not await shop.condition("orders", "RouteReady")
