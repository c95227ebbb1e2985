"""A second namespace has a whole shop beside the first, and is deleted without a trace."""

from contextlib import AsyncExitStack
from typing import Any

import httpx
from shop_journey import orders
from shop_journey.customer import Customer, ask, register, sign_in
from shop_journey.kubectl import Kubectl

from e2e.children import children
from e2e.invariants import assert_invariants_hold
from e2e.outside import outside
from e2e.second_shop import HERE, NAMESPACE, second_shop
from oracle import gather
from shop_cluster.port_forward import forwarded
from store_access import from_cluster

MUG: dict[str, Any] = {
    "sku": "STAGING-1",
    "name": "Mug of the staging shop",
    "category": "kitchen",
    "price": {"amount": 900, "currency": "USD"},
    "initial_stock": 5,
}
CARD = orders.STRIPE | {"token": "pm_card_visa"}


async def test_staging_stands_beside_the_shop_and_leaves_no_trace(kubectl: Kubectl) -> None:
    async with from_cluster(kubectl.kubeconfig) as stores:
        before = await outside(kubectl, stores)
        children_before = await children(kubectl, "shop")
        orders_before = {order.id for order in (await gather(stores)).orders}
        async with second_shop(kubectl) as staging:
            async with AsyncExitStack() as stack:
                admin, buyer = await visitors(kubectl, stack)
                await buy(admin, buyer, MUG)
                # Under the same names, and with none of its data.
                await staging.make_anew("product")
                assert [product async for product in buyer.products()] == []
                await buy(admin, buyer, MUG | {"sku": "STAGING-2"})
            assert len(await outside(kubectl, stores)) > len(before)
            await staging.delete()
            left = await outside(kubectl, stores) - before
        assert left <= {f"NetworkPolicy {NAMESPACE}"}
        assert await outside(kubectl, stores) == before
        # Not one order of staging's, nor any of its facts, came to the shop.
        assert {order.id for order in (await gather(stores)).orders} == orders_before
    after = await children(kubectl, "shop")
    assert {name: (child.uid, child.written) for name, child in after.items()} == {
        name: (child.uid, child.written) for name, child in children_before.items()
    }
    await assert_invariants_hold(kubectl)


async def visitors(kubectl: Kubectl, stack: AsyncExitStack) -> tuple[httpx.AsyncClient, Customer]:
    """Return the first administrator and a new customer, who came in by the shop's entry."""
    port = await stack.enter_async_context(forwarded(kubectl.command(HERE), "entry", 8000))
    admin, buyer = [
        await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30)
        )
        for _ in range(2)
    ]
    # The password is as in the manifests: the shop is new.
    await sign_in(admin, "admin@minishop.dev", "development-only")
    return admin, await register(buyer)


async def buy(admin: httpx.AsyncClient, buyer: Customer, product: dict[str, Any]) -> None:
    """Put a product in as staff, and have a customer's order of it delivered."""
    made = await ask(admin, "POST", "/v1/products", body=product)
    order = await buyer.order({made["id"]: 1}, CARD)
    ended = await buyer.settled(order["id"], seconds=60)
    assert ended["status"] == "delivered"
