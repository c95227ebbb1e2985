"""The layer on the cluster, beside a shop that is ready."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from shop_journey.customer import SHOP, Customer, register
from shop_journey.kubectl import Kubectl

from e2e.chromium import Chromium, chromium
from layer_on_cluster import kubectl_of_ready_shop, names, shop_cluster

from .places import MAILBOX, PAGES, PICTURES, PROMETHEUS, ZIPKIN

KINDS = (
    "namespaces",
    "clusterroles",
    "clusterrolebindings",
    "rolebindings",
    "apiservices",
    "customresourcedefinitions",
    "persistentvolumes",
    "validatingwebhookconfigurations",
    "mutatingwebhookconfigurations",
    "services",
    "deployments",
    "networkpolicies",
    "configmaps",
    "secrets",
)


@pytest.fixture(scope="session")
def layer() -> Iterator[Kubectl]:
    """Return kubectl of a cluster with the layer; unless it was there before, it goes at the end.

    Then nothing of it may be left.
    """
    kubectl = kubectl_of_ready_shop()
    before = asyncio.run(names(kubectl, KINDS))
    kept = "namespaces monitoring" in before
    asyncio.run(shop_cluster("observability", "up"))
    yield kubectl
    if not kept:
        asyncio.run(shop_cluster("observability", "down"))
        left = asyncio.run(names(kubectl, KINDS)) - before
        assert left == set()
        assert asyncio.run(spans_go_to(kubectl)) == {""}


async def spans_go_to(kubectl: Kubectl) -> set[str]:
    """Return where the pods of the shop's services are told to send their spans."""
    chosen = "--selector=app.kubernetes.io/managed-by=shop-operator"
    found = json.loads(await kubectl("get", "deployments", "-n", "shop", chosen, "-o", "json"))
    told = set()
    for each in found["items"]:
        for container in each["spec"]["template"]["spec"]["containers"]:
            environment = {item["name"]: item.get("value", "") for item in container["env"]}
            told.add(environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""))
    return told


@pytest.fixture
async def customer(layer: Kubectl) -> AsyncIterator[Customer]:
    """Return someone who just opened an account."""
    async with httpx.AsyncClient(base_url=SHOP, timeout=20) as http:
        yield await register(http)


@pytest.fixture
async def prometheus(layer: Kubectl) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the layer's Prometheus."""
    async with httpx.AsyncClient(base_url=PROMETHEUS, timeout=30) as http:
        yield http


@pytest.fixture
async def mailbox(layer: Kubectl) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the mailbox."""
    async with httpx.AsyncClient(base_url=MAILBOX, timeout=30) as http:
        yield http


@pytest.fixture
async def zipkin(layer: Kubectl) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of Zipkin's API."""
    async with httpx.AsyncClient(base_url=f"{ZIPKIN}/api/v2", timeout=30) as http:
        yield http


@pytest.fixture
async def browser(layer: Kubectl) -> AsyncIterator[Chromium]:
    """Return a browser before the layer's page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with chromium(PAGES) as browser:
        yield browser
