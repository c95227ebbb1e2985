"""Following an order live."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from shop_order import main
from shop_order.settings import Settings
from shop_order.state import OrderState
from shop_order.tracking import Tracker
from shop_shared.http.app_state import get_state

pytestmark = pytest.mark.asyncio(loop_scope="module")

Place = Callable[[], Awaitable[dict[str, Any]]]
Tell = Callable[..., Awaitable[None]]


@pytest_asyncio.fixture(loop_scope="module")
async def running(tracker: Tracker) -> AsyncIterator[Tracker]:
    task = asyncio.create_task(tracker.run())
    yield tracker
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_each_change_comes_as_it_is_made(running: Tracker, place: Place, tell: Tell) -> None:
    order_id = (await place())["id"]
    seen: list[str] = []
    async with asyncio.timeout(60), aclosing(running.follow(UUID(order_id), after=0)) as changes:
        async for entry in changes:
            seen.append(entry.status)
            match entry.status:
                case "pending":
                    await tell(order_id, "inventory.reserved")
                case "reserved":
                    await tell(order_id, "payment.captured")
                case "paid":
                    await tell(order_id, "shipment.dispatched")
                case "shipped":
                    await tell(order_id, "shipment.delivered")
    assert seen == ["pending", "reserved", "paid", "shipped", "delivered"]


async def test_many_follow_at_once_and_leave_nothing_behind(
    running: Tracker, place: Place, tell: Tell
) -> None:
    orders = [(await place())["id"] for _ in range(3)]

    async def follow(order_id: str) -> list[str]:
        async with aclosing(running.follow(UUID(order_id), after=1)) as changes:
            return [entry.status async for entry in changes]

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        followers = [group.create_task(follow(order)) for order in orders * 4]
        await asyncio.sleep(0)
        for order in orders:
            await tell(order, "inventory.rejected")
    assert [follower.result() for follower in followers] == [["rejected"]] * 12
    assert not running._followers


async def test_a_settled_order_is_told_as_server_sent_events(
    client: httpx.AsyncClient, headers: dict[str, str], place: Place, tell: Tell
) -> None:
    order_id = (await place())["id"]
    await tell(order_id, "inventory.rejected")
    url = f"/v1/orders/{order_id}/events"
    answer = await client.get(url, headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [event for event in answer.text.split("\n\n") if "data:" in event]
    assert [event.splitlines()[0] for event in events] == ["event: pending", "event: rejected"]
    assert "id: 2" in events[1].splitlines()
    again = await client.get(url, headers={**headers, "Last-Event-ID": "1"})
    assert "event: pending" not in again.text
    assert "event: rejected" in again.text


async def test_a_process_that_ends_ends_its_streams(settings: Settings, place: Place) -> None:
    order_id = UUID((await place())["id"])
    service = main.create(settings)
    tracker = get_state(service.app, OrderState).tracker
    seen: list[str] = []
    async with asyncio.timeout(60), aclosing(tracker.follow(order_id, after=0)) as changes:
        async for entry in changes:
            seen.append(entry.status)
            [stop] = service.stopping
            stop()
    assert seen == ["pending"]
    for close in service.close:
        await close()


async def test_one_stream_too_many_is_refused(
    client: httpx.AsyncClient,
    headers: dict[str, str],
    place: Place,
    tracker: Tracker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order_id = (await place())["id"]
    monkeypatch.setattr(tracker, "streams", 1000)
    answer = await client.get(f"/v1/orders/{order_id}/events", headers=headers)
    assert answer.status_code == 429  # a 503 would open the gateway's breaker for everybody
    assert answer.json()["code"] == "too_many_streams"
    assert answer.headers["retry-after"] == "5"


async def test_a_burst_is_admitted_up_to_the_bound_and_leaves_its_room(  # noqa: PLR0913, PLR0917
    client: httpx.AsyncClient,
    headers: dict[str, str],
    place: Place,
    tell: Tell,
    running: Tracker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many are admitted before the first stream begins."""
    order_id, burst = (await place())["id"], 10
    begin, late = asyncio.Event(), 0
    follow = running.follow

    async def follow_later(order: UUID, *, after: int) -> AsyncIterator[Any]:
        nonlocal late
        late += 1
        await begin.wait()
        async for entry in follow(order, after=after):
            yield entry

    monkeypatch.setattr(running, "follow", follow_later)
    monkeypatch.setattr(running, "streams", 998)
    url = f"/v1/orders/{order_id}/events"
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        asked = [group.create_task(client.get(url, headers=headers)) for _ in range(burst)]
        while late + sum(each.done() for each in asked) < burst:
            await asyncio.sleep(0.01)
        await tell(order_id, "inventory.rejected")
        begin.set()
    assert sorted(each.result().status_code for each in asked) == [200] * 2 + [429] * 8
    assert running.streams == 998
