"""A parcel that is to be stopped while nobody here knows what its carrier has."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.addresses import EXAMPLE, Address
from shop_shared.stores.postgres import transaction
from shop_shipping import repository, service, worker
from shop_shipping.carriers import CarrierUnavailableError, Parcel, Tracked
from shop_shipping.repository import Claimed
from shop_shipping.settings import Settings
from shop_shipping.simulated_carrier import SimulatedCarrier

pytestmark = pytest.mark.asyncio(loop_scope="module")
Story = Any  # the conftest's
ARRIVED = ["created", "dispatched", "in_transit", "delivered"]


class Remembering(SimulatedCarrier):
    """A carrier that knows itself which parcels it has, and may lose its answers to bookings."""

    def __init__(self, settings: Settings, *, loses_answers: bool = False) -> None:
        super().__init__(settings)
        self._loses_answers = loses_answers
        self._taken: dict[UUID, datetime] = {}

    async def book(self, parcel: Parcel) -> datetime:
        self._taken[parcel.reference] = booked_at = await super().book(parcel)
        if self._loses_answers:
            raise CarrierUnavailableError("the connection was lost")
        return booked_at

    async def stop(self, parcel: Parcel) -> bool:
        return await super().stop(self._known(parcel))

    async def track(self, parcel: Parcel) -> Tracked:
        return await super().track(self._known(parcel))

    def _known(self, parcel: Parcel) -> Parcel:
        return replace(parcel, booked_at=self._taken.get(parcel.reference))


async def test_a_parcel_whose_booking_was_not_answered_is_asked_after(story: Story) -> None:
    carrier = Remembering(story.settings, loses_answers=True)
    await story.tell("confirmed")
    await worker.work(story.engine, story.settings, carrier)
    await story.tell("cancellation_requested")
    await worker.work(story.engine, story.settings, carrier)
    assert await story.types() == ARRIVED


async def test_a_parcel_that_left_for_its_old_address_is_not_told_to_be_stopped(
    story: Story,
) -> None:
    carrier = Remembering(story.settings)
    await story.tell("confirmed", line2="carrier:hold")
    await worker.work(story.engine, story.settings, carrier)
    shipment_id = UUID((await story.shipment())["id"])
    async with transaction(story.engine) as connection:
        address = Address.model_validate(EXAMPLE)
        await service.change_address(connection, shipment_id, address, if_match="*")
    await story.tell("cancellation_requested")
    await worker.work(story.engine, story.settings, carrier)
    assert await story.types() == ARRIVED


async def test_an_answer_to_what_was_asked_before_a_change_counts_for_nothing(
    story: Story, engine: AsyncEngine
) -> None:
    async def claim() -> Claimed:
        async with transaction(engine) as connection:
            every = await repository.claim(connection, lease=worker.LEASE, limit=100)
        [mine] = [each for each in every if each.shipment.order_id == story.order_id]
        return mine

    await story.tell("confirmed")
    before = await claim()
    await story.tell("cancellation_requested")
    after = await claim()
    assert before.attempts == after.attempts
    async with transaction(engine) as connection:
        assert await repository.lock_claimed(connection, [before]) == {}
        assert after.shipment.id in await repository.lock_claimed(connection, [after])
