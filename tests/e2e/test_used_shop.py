"""A shop that people have used: other products, free orders, changed accounts."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from shop_journey import orders
from shop_journey.customer import PASSWORD, SHOP, Customer, ask, register, sign_in
from shop_journey.kubectl import Kubectl

from e2e.invariants import assert_invariants_hold
from store_access import from_cluster

USD, EUR = ({"amount": 1200, "currency": currency} for currency in ("USD", "EUR"))
FREE = {"amount": 0, "currency": "USD"}


@pytest.fixture
async def admin(kubectl: Kubectl) -> AsyncIterator[Customer]:
    """Return an administrator of our own: the first one's password may have been changed."""

    async def set_roles(email: str, roles: str) -> None:
        async with from_cluster(kubectl.kubeconfig) as stores:
            await stores.rows(
                "user", f"UPDATE accounts SET roles = '{{{roles}}}' WHERE email = '{email}'"
            )

    async with httpx.AsyncClient(base_url=SHOP, timeout=20) as http:
        found = await register(http)
        await set_roles(found.email, "customer,staff,admin")
        await sign_in(http, found.email, PASSWORD)
        yield found
        # Nobody takes a role from themselves through the front door.
        await set_roles(found.email, "customer")


async def add_product(admin: Customer, price: dict[str, Any], stock: int) -> dict[str, Any]:
    return await ask(
        admin.http,
        "POST",
        "/v1/products",
        body={
            "sku": f"USED-{secrets.token_hex(4).upper()}",
            "name": "Something that people sell",
            "category": "used",
            "price": price,
            "initial_stock": stock,
        },
    )


async def remove_product(admin: Customer, product: dict[str, Any]) -> None:
    path = f"/v1/products/{product['id']}"
    version = (await admin.http.get(path)).headers["ETag"]
    await ask(admin.http, "DELETE", path, headers={"If-Match": version})


async def until_status(customer: Customer, order_id: str, status: str) -> None:
    async with asyncio.timeout(30):
        while (await customer.find_order(order_id))["status"] != status:
            await asyncio.sleep(0.1)


async def test_what_people_do_leaves_it_in_order(
    kubectl: Kubectl, admin: Customer, customer: Customer
) -> None:
    card = orders.STRIPE | {"token": "pm_card_visa"}
    free, dear, hoard = [
        await add_product(admin, price, stock)
        for price, stock in ((FREE, 500), (EUR, 500), (USD, 5000))
    ]
    # Each is among the newest, and none is what the other tests may order.
    offered = {product["id"] for product in await orders.well_stocked(customer)}
    assert offered.isdisjoint({free["id"], dear["id"], hoard["id"]})
    for product in (free, hoard):
        order = await customer.order({product["id"]: 1}, card)
        assert (await customer.settled(order["id"], seconds=60))["status"] == "delivered"
    unpaid = await customer.order({hoard["id"]: 1}, card | {"token": orders.ASKS_FIRST})
    await until_status(customer, unpaid["id"], "reserved")
    await remove_product(admin, hoard)

    change = {"current_password": PASSWORD, "new_password": "another horse battery staple"}
    await ask(customer.http, "POST", "/v1/users/me/password", body=change)
    async with httpx.AsyncClient(base_url=SHOP, timeout=20) as http:
        leaver = await register(http)
        kept = await leaver.order({free["id"]: 2}, card)
        assert (await leaver.settled(kept["id"], seconds=60))["status"] == "delivered"
        me = (await ask(http, "GET", "/v1/users/me"))["id"]
        for roles in (["customer", "staff"], ["customer"]):
            await ask(admin.http, "PUT", f"/v1/users/{me}/roles", body={"roles": roles})
        await sign_in(http, leaver.email, PASSWORD)
        await ask(http, "DELETE", "/v1/users/me")
    await assert_invariants_hold(kubectl)
    assert (await customer.find_order(unpaid["id"]))["status"] == "reserved"
    await customer.cancel(unpaid["id"])
    for product in (free, dear):
        await remove_product(admin, product)


async def test_goods_come_back_through_the_front_door(
    kubectl: Kubectl, admin: Customer, customer: Customer
) -> None:
    product = (await orders.well_stocked(customer))[0]
    order = await customer.order({product["id"]: 2}, orders.STRIPE | {"token": "pm_card_visa"})
    assert (await customer.settled(order["id"], seconds=60))["status"] == "delivered"
    made = await ask(
        customer.http,
        "POST",
        f"/v1/orders/{order['id']}/returns",
        body={"items": [{"product_id": product["id"], "quantity": 1}], "reason": "damaged"},
        headers={"Idempotency-Key": secrets.token_hex(8)},
    )
    path = f"/v1/returns/{made['id']}"
    await ask(admin.http, "POST", f"{path}/approve")
    await ask(admin.http, "POST", f"{path}/receive", body={"restock": True})
    async with asyncio.timeout(60):
        while (await ask(customer.http, "GET", path))["status"] != "refunded":
            await asyncio.sleep(0.2)
    listed = await ask(customer.http, "GET", "/v1/refunds", query={"order_id": order["id"]})
    assert [refund["id"] for refund in listed["items"]] == [made["id"]]
    assert listed["items"][0]["amount"] == made["refund"]
    await assert_invariants_hold(kubectl)
