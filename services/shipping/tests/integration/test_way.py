"""A parcel's way from the order's confirmation to its end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.background import WakeSignal
from shop_shared.stores.pg_notify import listen
from shop_shared.stores.postgres import transaction
from shop_shipping import repository, tracking_number, worker
from shop_shipping.repository import CALLS
from shop_shipping.settings import Settings
from shop_shipping.simulated_carrier import SimulatedCarrier

pytestmark = pytest.mark.asyncio(loop_scope="module")
Story = Any  # the conftest's


async def test_a_confirmed_order_is_delivered(story: Story) -> None:
    await story.tell("confirmed")
    assert await story.types() == ["created"]
    created = await story.shipment()
    assert tracking_number.is_valid(created["tracking_number"])
    assert await story.work() >= 1  # other tests' parcels too
    assert await story.types() == ["created", "dispatched", "in_transit", "delivered"]
    shipment = await story.shipment()
    assert shipment["status"] == "delivered"
    assert [step["status"] for step in shipment["progress"]] == [
        "dispatched",
        "in_transit",
        "delivered",
    ]
    await story.work()
    assert await story.types() == ["created", "dispatched", "in_transit", "delivered"]


async def test_a_confirmation_told_again_sends_nothing_more(story: Story) -> None:
    for _ in range(3):
        await story.tell("confirmed")
    await story.work()
    await story.tell("confirmed")
    assert await story.types() == ["created", "dispatched", "in_transit", "delivered"]


async def test_a_restored_database_makes_the_parcel_that_the_carrier_knows(story: Story) -> None:
    await story.tell("confirmed")
    before = (await story.shipment())["id"]
    mine = "WHERE shipment_id IN (SELECT id FROM shipments WHERE order_id = :id)"
    async with transaction(story.engine) as connection:
        for statement in (
            f"DELETE FROM shipment_progress {mine}",
            "DELETE FROM shipments WHERE order_id = :id",
        ):
            await connection.execute(sa.text(statement), {"id": story.order_id})
    await story.tell("confirmed")
    assert (await story.shipment())["id"] == before
    await story.work()


async def test_a_parcel_moves_step_by_step(story: Story) -> None:
    await story.tell("confirmed")
    await story.work(carrier_dispatch_seconds=3600)
    assert await story.types() == ["created"]
    await story.make_due()
    await story.work(carrier_transit_seconds=3600)
    assert await story.types() == ["created", "dispatched"]
    await story.make_due()
    await story.work()
    assert await story.types() == ["created", "dispatched", "in_transit", "delivered"]


@pytest.mark.parametrize("before", [0, 1], ids=["not booked", "booked"])
async def test_a_parcel_that_has_not_left_is_stopped(story: Story, before: int) -> None:
    await story.tell("confirmed", line2="carrier:hold")
    for _ in range(before):
        await story.work()
    for _ in range(2):
        await story.tell("cancellation_requested")
    await story.work()
    said = await story.said()
    assert [type_ for type_, _ in said] == ["created", "failed"]
    assert said[-1][1]["reason"] == "cancelled"
    assert (await story.shipment())["reason"] == "cancelled"


async def test_a_parcel_that_left_at_that_moment_is_delivered(story: Story) -> None:
    await story.tell("confirmed")
    await story.work(carrier_dispatch_seconds=3600)
    await story.tell("cancellation_requested")
    await story.work()
    assert await story.types() == ["created", "dispatched", "in_transit", "delivered"]


async def test_a_parcel_on_the_road_is_not_stopped(story: Story) -> None:
    await story.tell("confirmed")
    await story.work(carrier_transit_seconds=3600)
    await story.tell("cancellation_requested")
    await story.make_due()
    await story.work()
    assert (await story.types())[-1] == "delivered"


async def test_a_cancellation_before_the_confirmation_sends_nothing(story: Story) -> None:
    await story.tell("cancellation_requested")
    await story.tell("confirmed")
    await story.tell("cancellation_requested")
    await story.work()
    [(type_, payload)] = await story.said()
    assert (type_, payload["reason"]) == ("failed", "cancelled")


async def test_an_order_cancelled_before_payment_says_nothing(story: Story) -> None:
    await story.tell("cancelled")
    assert await story.said() == []


@pytest.mark.parametrize(
    ("fault", "types", "reason"),
    [
        ("lost", ["created", "dispatched", "in_transit", "failed"], "lost"),
        ("refused", ["created", "dispatched", "in_transit", "failed"], "refused"),
        ("undeliverable", ["created", "failed"], "undeliverable"),
    ],
)
async def test_a_parcel_that_fails(story: Story, fault: str, types: list[str], reason: str) -> None:
    await story.tell("confirmed", line2=f"carrier:{fault}")
    await story.work()
    said = await story.said()
    assert [type_ for type_, _ in said] == types
    assert said[-1][1]["reason"] == reason


async def test_scans_that_come_twice_and_backwards_end_the_same(story: Story) -> None:
    await story.tell("confirmed", line2="carrier:chaotic")
    await story.work()
    types = await story.types()
    assert types[-1] == "delivered"
    assert types.count("dispatched") == types.count("delivered") == 1


async def test_a_carrier_that_is_away_is_asked_again_and_nothing_is_lost(story: Story) -> None:
    await story.tell("confirmed", line2="carrier:flaky")
    for _ in range(2):
        await story.work()
        assert await story.types() == ["created"]
        await story.make_due()
    await story.work()
    assert (await story.types())[-1] == "delivered"


async def test_a_worker_that_dies_loses_nothing(story: Story, engine: AsyncEngine) -> None:
    await story.tell("confirmed")
    async with transaction(engine) as connection:
        claimed = await repository.claim(connection, lease=worker.LEASE, limit=100)
    assert claimed  # other tests' parcels too
    await story.work()  # there may be other tests' parcels again
    assert await story.types() == ["created"]
    await story.make_due()  # the lease has ended
    await story.work()
    assert (await story.types())[-1] == "delivered"


async def test_workers_at_once_make_each_call_once(
    new_story: Callable[[], Story], settings: Settings
) -> None:
    stories = [new_story() for _ in range(20)]
    while await stories[0].work():
        """Nothing of the tests before is counted below."""
    for story in stories:
        await story.tell("confirmed")
    done = await asyncio.gather(*(stories[0].work() for _ in range(4)))
    assert sum(done) == 20
    for story in stories:
        assert await story.types() == ["created", "dispatched", "in_transit", "delivered"]


@pytest_asyncio.fixture(loop_scope="module")
async def running(engine: AsyncEngine, settings: Settings) -> AsyncIterator[None]:
    signal = WakeSignal()
    slow = settings.model_copy(update={"worker_interval_seconds": 3600})
    tasks = [
        asyncio.create_task(listen(slow, CALLS.name, signal.wake)),
        asyncio.create_task(worker.run(engine, slow, SimulatedCarrier(slow), signal)),
    ]
    yield
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.usefixtures("running")
async def test_the_worker_is_woken_by_the_commit(new_story: Callable[[], Story]) -> None:
    async with asyncio.timeout(60):
        for _ in range(3):
            story = new_story()
            await story.tell("confirmed")
            while (await story.types())[-1] != "delivered":
                await asyncio.sleep(0.01)
