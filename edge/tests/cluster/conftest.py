"""Kong in front of a shop that is ready, and a service of the tests' own behind it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from shop_journey.kubectl import Kubectl
from shop_journey.readiness import unready

from layer_on_cluster import kubectl_of_ready_shop, names, shop_cluster

from .waiting import until

# What is in force, as kong-standin says it at its loopback address.
CONFIG = (
    "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8001/config').read().decode())"
)
KINDS = (
    "namespaces",
    "clusterroles",
    "clusterrolebindings",
    "services",
    "secrets",
    "roles",
    "rolebindings",
    "httproutes",
    "kongplugins",
    "gatewayclasses",
)
NAME = "edge-probe"
HOST = "probe.localhost"
PROBE: dict[str, Any] = {
    "apiVersion": "minishop.dev/v1alpha1",
    "kind": "ShopService",
    "metadata": {"name": NAME, "namespace": "shop"},
    "spec": {
        "image": "minishop/storefront:0.1.0",
        "port": 8000,
        "replicas": 2,
        "cache": {"kind": "redis"},
        "route": {"paths": ["/"], "host": HOST},
    },
}


@pytest.fixture(scope="session")
def layer() -> Iterator[Kubectl]:
    """Return kubectl of a cluster with the layer; unless it was there before, it goes at the end.

    Then nothing of it may be left, and the gateway is the way in as before.
    """
    kubectl = kubectl_of_ready_shop()
    before = asyncio.run(names(kubectl, KINDS))
    kept = "namespaces kong" in before
    asyncio.run(shop_cluster("edge", "up"))
    yield kubectl
    if not kept:
        asyncio.run(shop_cluster("edge", "down"))
        asyncio.run(until(lambda: as_before(kubectl, before)))
        asyncio.run(until(gateway_answers))


async def gateway_answers() -> bool:
    async with httpx.AsyncClient() as http:
        try:
            return (await http.get("http://127.0.0.1:8080/livez")).is_success
        except httpx.TransportError:
            return False


async def as_before(kubectl: Kubectl, before: set[str]) -> bool:
    return await names(kubectl, KINDS) == before


@pytest.fixture(scope="session")
def probe(layer: Kubectl) -> Iterator[Kubectl]:
    """Return kubectl once two pods of the tests' service are reached through Kong."""
    asyncio.run(layer.apply(PROBE))
    asyncio.run(until(lambda: is_ready(layer)))
    asyncio.run(until(lambda: knows_both_pods(layer)))
    yield layer
    options = ("--wait=true", "--timeout=120s")
    asyncio.run(layer("delete", "shopservice", NAME, "-n=shop", *options))


async def is_ready(kubectl: Kubectl) -> bool:
    return not unready([await kubectl.get("shopservice", NAME, "-n=shop")])


async def knows_both_pods(kubectl: Kubectl) -> bool:
    """Return whether Kong has both pods: it learns of them a second after they are ready."""
    told = await kubectl(
        "exec", "-n=kong", "deployment/kong", "-c=admin-api", "--", "python", "-c", CONFIG
    )
    upstreams = json.loads(json.loads(told)["config"])["upstreams"]
    return any(
        f"k8s-name:{NAME}" in each["tags"]
        and len(each.get("targets", ())) == PROBE["spec"]["replicas"]
        for each in upstreams
    )


@pytest.fixture
async def plugins(probe: Kubectl) -> AsyncIterator[Any]:
    """Return what has the tests' service have plugins; it has none before and after."""

    async def have(*wanted: dict[str, Any]) -> None:
        spec = {**PROBE["spec"], "route": {**PROBE["spec"]["route"], "plugins": list(wanted)}}
        await probe.apply({**PROBE, "spec": spec})

    yield have
    await have()
    await until(lambda: is_ready(probe))
