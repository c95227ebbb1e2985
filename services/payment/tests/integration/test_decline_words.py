"""What a customer reads of a payment that was declined."""

from __future__ import annotations

from typing import Any

import pytest

from payment_simulator import midtrans, paypal
from payment_simulator.faults import Fault

Shop = Any  # conftest.Shop: test modules cannot import it

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def failure(shop: Shop, order: Any) -> tuple[str, str]:
    await shop.until(order, "action_required", "failed")
    _, failed = (await shop.events(order))[-1]
    return failed["reason"], failed["message"]


async def test_paypals_words_for_developers_are_not_told(shop: Shop) -> None:
    order = await shop.order("paypal", "paypal", token=None)
    await shop.until(order, "action_required")
    desk, reference = shop.desks["paypal"], await shop.reference(order)
    desk.faults_of[reference] = Fault.DECLINE
    paypal.settle(desk, shop.simulator.app.state.signer, reference, paid=True)
    assert await failure(shop, order) == ("declined", "declined by PayPal")


async def test_midtrans_success_in_finding_a_denied_transaction_is_not_told(shop: Shop) -> None:
    order = await shop.order("midtrans", "gopay", amount=250_000, currency="IDR", token=None)
    await shop.until(order, "action_required")
    desk = shop.desks["midtrans"]
    transaction = midtrans.find(desk, await shop.reference(order))
    transaction |= {"transaction_status": "deny", "status_code": "202"}
    midtrans.notify(desk, transaction)
    assert await failure(shop, order) == ("declined", "declined by the bank")
