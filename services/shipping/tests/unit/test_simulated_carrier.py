from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from shop_shared.testing import FakeClock
from shop_shipping.carriers import AddressRefusedError, CarrierUnavailableError, Parcel
from shop_shipping.domain import Failure, Status
from shop_shipping.settings import Settings
from shop_shipping.simulated_carrier import SimulatedCarrier


def carrier(clock: FakeClock, **delays: Any) -> SimulatedCarrier:
    return SimulatedCarrier(Settings(database_url=SecretStr("postgresql://x"), **delays), clock)


def parcel(line2: str | None = None, *, attempt: int = 0) -> Parcel:
    return Parcel(UUID(int=1), "MSX", {"city": "London", "line2": line2}, None, attempt)


async def booked(carrier: SimulatedCarrier, parcel: Parcel) -> Parcel:
    return replace(parcel, booked_at=await carrier.book(parcel))


async def test_a_parcel_moves_by_the_clock() -> None:
    clock = FakeClock()
    ours = carrier(clock)
    way = await booked(ours, parcel())
    expected = [[], [Status.DISPATCHED]]
    expected += [[*expected[1], Status.IN_TRANSIT]]
    expected += [[*expected[2], Status.DELIVERED]]
    for step, statuses in enumerate(expected):
        tracked = await ours.track(way)
        assert [scan.status for scan in tracked.scans] == statuses
        assert await ours.stop(way) is (step == 0)
        if tracked.ask_again_at is not None:
            clock.at = tracked.ask_again_at
    assert tracked.ask_again_at is None


async def test_without_delays_it_arrives_at_once() -> None:
    no_delays = {f"carrier_{step}_seconds": 0 for step in ("dispatch", "transit", "delivery")}
    ours = carrier(FakeClock(), **no_delays)
    tracked = await ours.track(await booked(ours, parcel()))
    assert tracked.scans[-1].status is Status.DELIVERED


async def test_booking_again_is_the_same_booking() -> None:
    clock = FakeClock()
    ours = carrier(clock)
    way = await booked(ours, parcel())
    clock.advance(timedelta(seconds=3))
    assert await ours.book(way) == way.booked_at


@pytest.mark.parametrize("failure", [Failure.LOST, Failure.REFUSED])
async def test_a_parcel_that_fails(failure: Failure) -> None:
    clock = FakeClock()
    ours = carrier(clock)
    way = await booked(ours, parcel(f"carrier:{failure}"))
    clock.advance(timedelta(days=1))
    assert (await ours.track(way)).scans[-1].failure is failure


async def test_an_address_that_is_refused() -> None:
    with pytest.raises(AddressRefusedError):
        await carrier(FakeClock()).book(parcel("carrier:undeliverable"))


async def test_a_carrier_that_fails_twice() -> None:
    ours = carrier(FakeClock())
    for attempt in range(2):
        with pytest.raises(CarrierUnavailableError):
            await ours.book(parcel("carrier:flaky", attempt=attempt))
    await ours.book(parcel("carrier:flaky", attempt=2))


async def test_a_parcel_on_hold_never_leaves() -> None:
    clock = FakeClock()
    ours = carrier(clock)
    way = await booked(ours, parcel("carrier:hold"))
    clock.advance(timedelta(days=1))
    assert (await ours.track(way)).scans == ()
    assert await ours.stop(way)
