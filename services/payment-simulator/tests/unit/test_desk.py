"""A provider's memory: what is asked twice with one key is done once."""

from __future__ import annotations

import asyncio

from fastapi import Response

from payment_simulator.desk import Desk, answer
from payment_simulator.faults import Fault, Faults
from payment_simulator.settings import Settings
from payment_simulator.webhooks import Webhooks


async def test_two_requests_with_one_key_at_once_charge_once() -> None:
    """The first is slow, and who asks gives up and asks again meanwhile."""
    webhooks, faults = Webhooks("http://nowhere.test"), Faults(hang_seconds=1)
    desk = Desk("stripe", Settings(), faults, webhooks)
    faults.order("stripe", Fault.DELAY, times=2, seconds=0.01)
    made: list[int] = []

    def make(_fault: Fault) -> Response:
        made.append(len(made))
        return answer({"id": len(made)})

    both = await asyncio.gather(*(desk.perform(make, key="charge-1") for _ in range(2)))
    assert made == [0]
    assert both[0] is both[1]
    assert (await desk.perform(make, key="charge-2")) is not both[0]
    await webhooks.close()
