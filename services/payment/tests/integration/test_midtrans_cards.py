"""Midtrans' cards: taken at once, settled with the bank a day later, voided until then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from prometheus_client import REGISTRY

from payment_simulator import midtrans
from shop_payment import reconciler
from shop_shared.stores.postgres import transaction

Shop = Any  # conftest.Shop: test modules cannot import it

pytestmark = pytest.mark.asyncio(loop_scope="module")


def alerts() -> dict[str, float]:
    return {
        kind: REGISTRY.get_sample_value("payment_alerts_total", {"kind": kind}) or 0.0
        for kind in ("dispute", "refund_failed", "refund_refused")
    }


async def taken(shop: Shop) -> tuple[UUID, dict[str, Any]]:
    """Return an order that a card has paid, and its transaction."""
    order: UUID = await shop.order("midtrans", "card", amount=250_000, currency="IDR", token="t")
    await shop.until(order, "captured")
    (found,) = await shop.charges("midtrans", order)
    assert found["transaction_status"] == "capture"
    return order, found


async def look_again(shop: Shop) -> None:
    async with transaction(shop.engine) as connection:
        await reconciler.reconcile(connection, silent_for=timedelta(0))


async def test_a_card_that_is_not_settled_is_voided_and_calls_nobody(shop: Shop) -> None:
    order, charge = await taken(shop)
    before = alerts()
    await shop.cancel(order)
    await shop.until(order, "captured", "refunded")
    assert await shop.status(order) == "refunded"
    assert charge["transaction_status"] == "cancel"
    assert alerts() == before


async def test_a_card_that_is_settled_is_refunded(shop: Shop) -> None:
    order, charge = await taken(shop)
    midtrans.settle(shop.desks["midtrans"], charge["order_id"], paid=True)
    await shop.cancel(order)
    await shop.until(order, "captured", "refunded")
    assert charge["transaction_status"] == "refund"


async def test_a_part_of_a_card_is_refunded_once_it_is_settled(
    shop: Shop, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    order, charge = await taken(shop)
    before = alerts()
    asked = await client.post(
        f"/v1/payments/{await shop.payment_id(order)}/refunds",
        headers={**staff, "Idempotency-Key": uuid4().hex},
        json={"amount": {"amount": 100_000, "currency": "IDR"}},
    )
    assert asked.status_code == 201
    await shop.quiet(order)
    assert await shop.status(order) == "refunding"
    assert (charge["transaction_status"], alerts()) == ("capture", before)
    midtrans.settle(shop.desks["midtrans"], charge["order_id"], paid=True)
    await look_again(shop)
    await shop.until(order, "captured", "refunded")
    assert await shop.status(order) == "partially_refunded"
    assert charge["refund_amount"] == "1000.00"


async def test_a_void_whose_answer_is_lost_is_not_asked_for_again(shop: Shop) -> None:
    order, charge = await taken(shop)
    charge |= {"transaction_status": "cancel", "status_code": "200"}
    await shop.cancel(order)
    await shop.until(order, "captured", "refunded")
    assert charge.get("refunds") is None
