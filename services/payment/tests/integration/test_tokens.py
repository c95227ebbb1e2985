"""The token of a stored card is kept for as long as it may be charged."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from payment_simulator.faults import Fault
from shop_shared.ids import uuid7

Shop = Any  # conftest.Shop: test modules cannot import it

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]
TOKEN = "SELECT token FROM payments WHERE order_id = :id"


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("pm_card_visa", "captured"),
        ("pm_card_chargeDeclined", "failed"),
        ("pm_card_authenticationRequired", "action_required"),
    ],
)
async def test_what_became_of_the_charge_ends_it(shop: Shop, token: str, said: str) -> None:
    order = await shop.order(token=token)
    await shop.until(order, said)
    assert await shop.value(TOKEN, order) is None


async def test_it_is_there_while_the_charge_is_tried(shop: Shop) -> None:
    order = uuid7()
    payment = {"provider": "stripe", "method": "card", "currency": "USD", "token": "pm_card_visa"}
    await shop.hear("order.placed", order, payment=payment)
    assert await shop.value(TOKEN, order) == "pm_card_visa", "its price is not known yet"
    shop.desks["stripe"].faults.order("stripe", Fault.ERROR, times=2, seconds=None)
    order = await shop.order(time_to_pay=timedelta(minutes=5))
    await shop.until(order, "captured")
    assert await shop.value(TOKEN, order) is None
