"""Faults come as they were ordered, by an amount or by a token."""

from __future__ import annotations

import asyncio

import pytest

from payment_simulator.faults import Fault, Faults, Ordered, ServerError, after, before


def test_what_is_ordered_comes_first_and_so_often() -> None:
    faults = Faults(hang_seconds=35)
    faults.order("stripe", Fault.ERROR, times=2, seconds=None)
    taken = [faults.take("stripe", amount=4001).fault for _ in range(3)]
    assert taken == [Fault.ERROR, Fault.ERROR, Fault.DECLINE]
    faults.order("stripe", Fault.ERROR, times=2, seconds=None)
    assert faults.take("paypal").fault is Fault.NONE
    faults.clear()
    assert faults.take("stripe").fault is Fault.NONE


@pytest.mark.parametrize(
    ("amount", "token", "fault"),
    [
        (4001, None, Fault.DECLINE),
        ("40.01", None, Fault.DECLINE),
        ("4008.00", None, Fault.NONE),
        (1999, "pm_card_visa_chargeDeclined", Fault.DECLINE),
        (1999, "pm_card_visa", Fault.NONE),
    ],
)
def test_magic_amounts_and_tokens(amount: object, token: str | None, fault: Fault) -> None:
    assert Faults(hang_seconds=35).take("stripe", amount=amount, token=token).fault is fault


async def test_who_hangs_is_counted_and_let_go() -> None:
    faults = Faults(hang_seconds=3600)
    faults.order("paypal", Fault.HANG, times=3, seconds=None)
    calls = [asyncio.create_task(before(faults.take("paypal"))) for _ in range(3)]
    while faults.hanging["paypal"] < 3:
        await asyncio.sleep(0)
    assert not any(call.done() for call in calls)
    faults.clear()
    assert [type(end) for end in await asyncio.gather(*calls, return_exceptions=True)] == [
        ServerError
    ] * 3
    assert faults.hanging["paypal"] == 0


async def test_a_hanging_call_ends_by_itself() -> None:
    faults = Faults(hang_seconds=0.001)
    faults.order("paypal", Fault.TIMEOUT_AFTER_CHARGING, times=1, seconds=None)
    ordered = faults.take("paypal")
    await before(ordered)
    await after(ordered)
    assert faults.hanging["paypal"] == 0


@pytest.mark.parametrize(
    ("fault", "when"), [(Fault.ERROR, before), (Fault.ERROR_AFTER_CHARGING, after)]
)
async def test_errors_before_and_after_the_money_has_moved(fault: Fault, when: object) -> None:
    async def hang(_seconds: float) -> None:
        raise AssertionError

    ordered = Ordered(fault, 0, hang)
    for step in (before, after):
        if step is when:
            with pytest.raises(ServerError):
                await step(ordered)
        else:
            await step(ordered)
