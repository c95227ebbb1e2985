"""Returned goods are refunded once, at the provider; and every refund is listed."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from shop_shared.ids import uuid7
from shop_shared.testing import Signer

Shop = Any  # conftest.Shop: test modules cannot import it

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # Stripe's SDK hands httpx its form as httpx no longer likes it.
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]


async def returned(shop: Shop, order: UUID, amount: int, return_id: UUID | None = None) -> UUID:
    """Let goods of an order come back."""
    return_id = return_id or uuid7()
    refund = {"amount": amount, "currency": "USD"}
    await shop.hear("order.return_received", order, return_id=return_id, refund=refund)
    return return_id


async def paid(shop: Shop, amount: int = 1999) -> UUID:
    order: UUID = await shop.order(amount=amount)
    await shop.until(order, "captured")
    return order


async def test_returned_goods_are_refunded_once_each(shop: Shop) -> None:
    order = await paid(shop)
    first = await returned(shop, order, 500)
    await asyncio.gather(*(returned(shop, order, 500, first) for _ in range(3)))
    await shop.until(order, "captured", "refunded")
    await returned(shop, order, 1499)
    await shop.until(order, "captured", "refunded", "refunded")
    _, refunded = (await shop.events(order))[1]
    assert refunded["refund_id"] == str(first)
    assert (refunded["amount"]["amount"], refunded["full"]) == (500, False)
    _, rest = (await shop.events(order))[2]
    assert (rest["total_refunded"]["amount"], rest["full"]) == (1999, True)
    (charge,) = await shop.charges("stripe", order)
    made = [r for r in shop.desks["stripe"].refunds.values() if r["payment_intent"] == charge["id"]]
    assert sorted(refund["amount"] for refund in made) == [500, 1499]


async def test_no_more_goes_back_than_is_left(shop: Shop) -> None:
    order = await paid(shop)
    await returned(shop, order, 1500)
    await returned(shop, order, 1500)
    await shop.until(order, "captured", "refunded", "refunded")
    _, second = (await shop.events(order))[2]
    assert (second["amount"]["amount"], second["total_refunded"]["amount"]) == (499, 1999)
    late = await returned(shop, order, 100)
    await shop.until(order, "captured", "refunded", "refunded", "refund_failed")
    _, failed = (await shop.events(order))[3]
    assert failed["refund_id"] == str(late)


async def test_a_refund_that_the_provider_refuses_is_said_to_have_failed(shop: Shop) -> None:
    order = await paid(shop, amount=5000)
    # Of 40.01 the simulator's bank declines.
    return_id = await returned(shop, order, 4001)
    await shop.until(order, "captured", "refund_failed")
    _, failed = (await shop.events(order))[1]
    assert (failed["refund_id"], failed["amount"]["amount"]) == (str(return_id), 4001)


async def test_goods_that_cost_nothing_are_not_refunded(shop: Shop) -> None:
    order = await shop.order(amount=0)
    await shop.until(order, "captured")
    await returned(shop, order, 0)
    await shop.until(order, "captured")


async def test_refunds_are_listed_by_order_and_payment_newest_first(
    shop: Shop, client: httpx.AsyncClient, signer: Signer, staff: dict[str, str]
) -> None:
    order, other = await paid(shop), await paid(shop)
    made = [str(await returned(shop, order, amount)) for amount in (100, 200, 300)]
    await returned(shop, other, 400)
    await shop.until(order, "captured", *["refunded"] * 3)
    mine = signer.headers(shop.customer)
    payment = str(await shop.payment_id(order))
    for headers in (mine, staff):
        for query in ({"order_id": str(order)}, {"payment_id": payment}):
            found = (await client.get("/v1/refunds", params=query, headers=headers)).json()
            assert [refund["id"] for refund in found["items"]] == made[::-1]
            assert {r["order_number"] for r in found["items"]} == {"MS-7K3Q-9F25"}
            assert {r["order_id"] for r in found["items"]} == {str(order)}
    seen: list[str] = []
    query = {"order_id": str(order), "limit": "2"}
    while True:
        page = (await client.get("/v1/refunds", params=query, headers=mine)).json()
        seen += [refund["id"] for refund in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == made[::-1]
    stranger = signer.headers(uuid4())
    listed = await client.get("/v1/refunds", params={"order_id": str(order)}, headers=stranger)
    assert listed.json()["items"] == []
    bad = await client.get("/v1/refunds", params={"cursor": "x"}, headers=mine)
    assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (422, "/query/cursor")
