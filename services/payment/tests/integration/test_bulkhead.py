"""A provider that hangs has a bulkhead of its own: the others' payments don't notice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from payment_simulator.faults import Fault
from shop_payment.settings import Settings

Shop = Any  # conftest.Shop: test modules cannot import it

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # Stripe's SDK hands httpx its form as httpx no longer likes it.
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]

WAYS = {
    "stripe": ("card", "USD", "captured"),
    "paypal": ("paypal", "USD", "action_required"),
    "xendit": ("invoice", "IDR", "action_required"),
    "midtrans": ("card", "IDR", "captured"),
}
PATIENCE = 60


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    # So that a call hangs for as long as the test wants, not until it is timed out.
    return settings.model_copy(update={"provider_timeout_seconds": 300})


@pytest.mark.parametrize("hanging", WAYS)
async def test_while_all_calls_of_a_provider_hang_the_others_take_payments(
    shop: Shop, settings: Settings, hanging: str
) -> None:
    faults = shop.desks[hanging].faults

    async def order(provider: str) -> Any:
        method, currency, _ = WAYS[provider]
        token = "pm_card_visa" if method == "card" else None
        return await shop.order(provider, method, amount=250_000, currency=currency, token=token)

    faults.order(hanging, Fault.HANG, times=1000, seconds=600)
    try:
        stuck = [await order(hanging) for _ in range(2 * settings.provider_concurrency)]
        async with asyncio.timeout(PATIENCE):
            while faults.hanging[hanging] < settings.provider_concurrency:
                await asyncio.sleep(0.02)
        for provider in WAYS.keys() - {hanging}:
            for paid in [await order(provider) for _ in range(10)]:
                await shop.until(paid, WAYS[provider][2])
        # All of it while every call that this provider is allowed was open, and none answered.
        assert faults.hanging[hanging] == settings.provider_concurrency
        assert [await shop.said(one) for one in stuck] == [[]] * len(stuck)
    finally:
        faults.clear()
    for one in stuck:
        await shop.until(one, WAYS[hanging][2])
        assert len(await shop.charges(hanging, one)) == 1
