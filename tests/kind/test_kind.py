"""The shop on kind: an order is delivered, and when the cluster is gone so is every trace of it."""

import subprocess

import httpx
from shop_journey.customer import register
from shop_journey.orders import STRIPE, VISA, well_stocked

from kind.conftest import NAME, Shop
from kind.traces import traces


async def test_an_order_is_delivered_and_nothing_is_left(shop: Shop) -> None:
    # Not a cluster that happened to answer: the node says who made it.
    [node] = shop.cluster.api.get(url="nodes", version="v1").json()["items"]
    assert node["spec"]["providerID"] == f"kind://{shop.provider}/{NAME}/{NAME}-control-plane"

    async with httpx.AsyncClient(base_url=shop.url, timeout=20) as http:
        customer = await register(http)
        product = (await well_stocked(customer, units=1))[0]
        order = await customer.order({product["id"]: 1}, STRIPE | {"token": VISA})
        ended = await customer.settled(order["id"], seconds=60)
    assert ended["status"] == "delivered"

    shop.delete()
    check_nothing_is_left(shop)


def check_nothing_is_left(shop: Shop) -> None:
    if shop.provider == "podman":
        assert traces() == shop.before
    else:  # what Docker keeps of it is Docker's
        listed = subprocess.check_output(
            [str(shop.cluster.kind_path), "get", "clusters"], text=True
        )
        assert NAME not in listed.split()
