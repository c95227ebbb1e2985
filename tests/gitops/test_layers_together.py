"""Other layers while Flux keeps the shop: what they change, Flux leaves to them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from shop_journey import gitops
from shop_journey.customer import SHOP
from shop_journey.git_server import GitServer
from shop_journey.kubectl import Kubectl
from shop_journey.place import Place

from gitops.repository import compare_with_git
from layer_on_cluster import shop_cluster


async def test_kong_has_the_shops_port_while_flux_keeps_the_rest(place: Place) -> None:
    if place.cluster != "embedded":
        pytest.skip("the layer edge is made for the embedded cluster")
    kubectl = place.kubectl
    await GitServer(kubectl).commit_checkout("The manifests of the checkout under test")
    async with edge():
        await gitops.bring(place, print)  # raises where a part of it is not applied
        await compare_with_git(kubectl, "operator")
        assert "MINISHOP_EDGE=gateway-api" in await settings(kubectl)
        assert not await entry(kubectl)
        async with httpx.AsyncClient(base_url=SHOP, timeout=20) as http:
            answer = await http.get("/v1/products", params={"limit": 1})
        assert answer.is_success  # by the only Service that has the port

    await gitops.wait_until_applied(kubectl, print)
    assert await entry(kubectl)
    assert "MINISHOP_EDGE" not in await settings(kubectl)


@asynccontextmanager
async def edge() -> AsyncIterator[None]:
    """Have the layer edge, and nothing of it afterwards."""
    try:
        await shop_cluster("edge", "up")
        yield
    finally:
        await shop_cluster("edge", "down")


async def settings(kubectl: Kubectl) -> str:
    """Return what the operator is told, a line a setting."""
    operator = ("-n=minishop-system", "deployment/shop-operator")
    return await kubectl("set", "env", *operator, "--list")


async def entry(kubectl: Kubectl) -> str:
    """Return the name of the gateway's NodePort, empty where there is none."""
    return await kubectl(
        "get", "service", "entry", "-n=shop", "--ignore-not-found", "--output=name"
    )
