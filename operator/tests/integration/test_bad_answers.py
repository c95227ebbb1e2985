"""An API server that answers badly, late or not at all: it converges, and does not hammer."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
import yaml
from aiohttp import web

from shop_operator.api.api_client import ApiClient
from shop_operator.api.kinds import DEPLOYMENT, SHOP_SERVICE

from .harm import HARM, SERVICE, SPEC
from .program import operator_program
from .proxy import Proxy, proxy, status
from .shop import Shop, eventually

INFORMERS = 19
"""How many kinds are watched in a test's two namespaces; each has a backoff of its own."""


@pytest.fixture
async def between(shop: Shop) -> AsyncIterator[Proxy]:
    """A proxy in front of the test's API server."""
    async with proxy() as found:
        yield found


@pytest.fixture
async def through(shop: Shop, between: Proxy) -> AsyncIterator[ApiClient]:
    """The way to the API server through the proxy."""
    async with ApiClient(between.login) as client:
        yield client
        between.fault = None
        await shop.stop()


async def test_retry_after_is_kept(shop: Shop, between: Proxy, through: ApiClient) -> None:
    left = 3

    async def busy(request: web.Request) -> web.StreamResponse | None:
        nonlocal left
        if left and request.method == "PATCH" and "/deployments/" in request.path:
            left -= 1
            return status(429, "too many requests", retry_after=2)
        return None

    between.fault = busy
    await shop.start(through)
    await shop.declare("busy")
    await eventually(lambda: _deployed(shop, "busy"), seconds=60)
    tries = [asked.at for asked in between.asked if "/deployments/" in asked.path]
    assert len(tries) == 4
    # Less than was asked for by what a request takes on its way.
    assert all(after - before > 1 for before, after in itertools.pairwise(tries))


async def test_errors_of_the_server_are_outlived(
    shop: Shop, between: Proxy, through: ApiClient
) -> None:
    dice = random.Random(7)

    async def broken(request: web.Request) -> web.StreamResponse | None:
        cast = dice.random()
        if cast < 0.1:
            return status(500, "etcdserver: leader changed")
        if cast < 0.2:
            return status(503, "the server is currently unable to handle the request")
        if cast < 0.25 and request.transport is not None:
            request.transport.abort()
        return None

    between.fault = broken
    await shop.start(through)
    names = [f"broken-{number}" for number in range(5)]
    for name in names:
        await shop.declare(name, cache={"kind": "redis"})
    for name in names:
        await shop.reason(name, "Synced", "AsDeclared", seconds=120)
    writes = [asked for asked in between.asked if asked.method != "GET"]
    # 5 services of 9 children, each asked for a few times.
    assert len([asked for asked in writes if "/leases/" not in asked.path]) < 5 * 9 * 8


@pytest.mark.parametrize(
    "said", ["<html>soon</html>", '{"status": "maintenance"}\n', "[]\n", "null\n"]
)
async def test_what_a_proxy_says_is_no_answer(
    shop: Shop, between: Proxy, through: ApiClient, said: str
) -> None:
    left = 30

    async def maintenance(request: web.Request) -> web.StreamResponse | None:
        nonlocal left
        left -= 1
        return web.Response(text=said, content_type="text/html") if left > 0 else None

    await shop.declare("behind")
    between.fault = maintenance
    await shop.start(through)
    await shop.reason("behind", "Synced", "AsDeclared")


async def test_slow_answers_are_waited_for(shop: Shop, between: Proxy, through: ApiClient) -> None:
    async def slow(_: web.Request) -> web.StreamResponse | None:
        await asyncio.sleep(0.3)
        return None

    between.fault = slow
    await shop.start(through)
    await shop.declare("slow")
    await shop.reason("slow", "Synced", "AsDeclared", seconds=60)
    asked = Counter((asked.method, asked.path) for asked in between.asked if not asked.watch)
    assert asked["PATCH", DEPLOYMENT.path(shop.namespace, "slow")] == 1


@pytest.mark.parametrize(
    "how", ["cut", "ended at once", "answered with 410", "told that it is gone"]
)
async def test_watches_that_end_are_begun_anew(
    shop: Shop, between: Proxy, through: ApiClient, how: str
) -> None:
    await shop.start(through)
    await shop.declare("watched")
    await shop.reason("watched", "Synced", "AsDeclared", seconds=60)

    async def gone(request: web.Request) -> web.StreamResponse | None:
        if "watch" not in request.query or how == "cut":
            return None
        if how == "answered with 410":
            return status(410, "too old resource version")
        if how == "ended at once":
            return web.Response()
        expired = {"kind": "Status", "code": 410, "message": "too old resource version"}
        return web.Response(body=orjson.dumps({"type": "ERROR", "object": expired}) + b"\n")

    between.fault = gone
    before = len(between.asked)
    for _ in range(10):
        between.cut_watches()
        await asyncio.sleep(0.3)
    assert len(between.asked) - before < INFORMERS * 2 * 8
    # While no watch lives, what another hand does is found by listing.
    await shop.client.merge(DEPLOYMENT, shop.namespace, "watched", HARM["Deployment"])
    await eventually(lambda: _hardened(shop, "watched"), seconds=60)


async def test_an_outage_costs_few_requests_and_no_memory(
    shop: Shop, between: Proxy, tmp_path: Path
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(_kubeconfig(between.url)))
    edge = {"MINISHOP_EDGE": "gateway-api"}
    with operator_program(shop.platform, kubeconfig, tmp_path / "log", **edge) as process:
        await shop.declare("afflicted", **SPEC)
        await shop.reason("afflicted", "Synced", "AsDeclared", seconds=60)

        async def away(_: web.Request) -> web.StreamResponse:
            return status(503, "no server")

        memory = _resident_mib(process.pid)
        between.fault, began = away, len(between.asked)
        between.cut_watches()
        await shop.client.merge(DEPLOYMENT, shop.namespace, "afflicted", HARM["Deployment"])
        await asyncio.sleep(8)
        assert len(between.asked) - began < 250
        assert _resident_mib(process.pid) - memory < 32
        between.fault = None
        await eventually(lambda: _hardened(shop, "afflicted"), seconds=60)
        assert process.poll() is None
    assert "watch failed" in (tmp_path / "log").read_text()


async def _deployed(shop: Shop, name: str) -> bool:
    return await shop.get(DEPLOYMENT, name) is not None


async def _hardened(shop: Shop, name: str) -> bool:
    live = await shop.client.get(DEPLOYMENT, shop.namespace, name)
    return bool(live["spec"]["template"]["spec"]["securityContext"]["runAsUser"] == 10001)


def _resident_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _kubeconfig(server: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "proxy",
        "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
        "clusters": [{"name": "proxy", "cluster": {"server": server}}],
        "users": [{"name": "proxy", "user": {}}],
    }


async def test_drift_is_in_the_status_though_its_write_met_a_change(
    shop: Shop, between: Proxy, through: ApiClient
) -> None:
    """The drift is put right by then, so it is not found once more."""
    await shop.start(through)
    await shop.declare("changing")
    await shop.settled("changing")
    image = {"spec": {"image": "minishop/test:2"}}
    met = asyncio.Event()

    async def changed(request: web.Request) -> web.StreamResponse | None:
        """Change the ShopService before the first status that has the drift arrives."""
        is_status = request.path.endswith("/shopservices/changing/status")
        if is_status and not met.is_set() and b"lastDrift" in await request.read():
            met.set()
            await shop.client.merge(SHOP_SERVICE, shop.namespace, "changing", image)
        return None

    between.fault = changed
    await shop.client.merge(SERVICE, shop.namespace, "changing", HARM["Service"])
    await met.wait()

    async def told() -> bool:
        body = await shop.client.get(SHOP_SERVICE, shop.namespace, "changing")
        return bool(body["status"].get("lastDrift", {}).get("kind") == "Service")

    await eventually(told)
