"""PayPal's eChecks: money that is under way for days, longer than any order waits for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from shop_payment import reconciler
from shop_shared.clock import now
from shop_shared.stores.postgres import transaction

Shop = Any  # conftest.Shop: test modules cannot import it

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def reconcile(shop: Shop, order: UUID, *, last_asked: timedelta) -> None:
    """Ask after payments, of which this one was asked after so long ago."""
    async with transaction(shop.engine) as connection:
        await connection.execute(
            sa.text("UPDATE payments SET updated_at = :then WHERE order_id = :order"),
            {"then": now() - last_asked, "order": order},
        )
        await reconciler.reconcile(connection, silent_for=timedelta(0))
    await shop.quiet(order)


async def test_one_that_clears_after_its_order_closed_goes_back_without_any_webhook(
    shop: Shop,
) -> None:
    order = await shop.order("paypal", "paypal", token=None)
    await shop.until(order, "action_required")
    at_paypal = shop.desks["paypal"].charges[await shop.reference(order)]
    unit = at_paypal["purchase_units"][0]
    capture = {"id": "ECHECK1", "status": "PENDING", "amount": unit["amount"]}
    unit["payments"] = {"captures": [capture]}
    at_paypal["status"] = "COMPLETED"
    await shop.cancel(order)
    await shop.quiet(order)
    assert await shop.status(order) == "cancelled"
    for day in (1, 2):
        await reconcile(shop, order, last_asked=timedelta(days=day))
        assert await shop.said(order) == ["action_required"]
    capture["status"] = "COMPLETED"
    await reconcile(shop, order, last_asked=timedelta(minutes=59))
    assert await shop.said(order) == ["action_required"], "asked once an hour"
    await reconcile(shop, order, last_asked=timedelta(minutes=61))
    await shop.until(order, "action_required", "captured", "refunded")
    assert await shop.status(order) == "refunded"
