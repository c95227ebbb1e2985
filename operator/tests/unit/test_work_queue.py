"""Each key once in the queue and once in hand; what fails waits longer each time."""

import asyncio

import pytest

from shop_operator.work_queue import WorkQueue


async def test_a_key_is_queued_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for key in ("a", "b", "a", "a"):
        queue.add(key)
    assert [await queue.get(), await queue.get()] == ["a", "b"]
    assert await _is_empty(queue)


async def test_a_key_in_hand_is_given_to_nobody_else_and_comes_again_after() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    queue.add("a")
    assert await _is_empty(queue)
    queue.done("a")
    assert await queue.get() == "a"
    queue.done("a")
    assert await _is_empty(queue)


async def test_sooner_wins_over_later() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("a", 3600)
    queue.add_after("a", 0.001)
    queue.add_after("a", 3600)
    assert await queue.get() == "a"
    queue.done("a")
    queue.add_after("a", 3600)
    queue.add("a")
    assert await queue.get() == "a"
    queue.close()


async def test_waiting_doubles_up_to_five_minutes_and_is_forgiven() -> None:
    queue: WorkQueue[str] = WorkQueue()
    waits = [queue.retry("a") for _ in range(20)]
    for number, seconds in enumerate(waits):
        longest = min(300.0, 0.5 * 2**number)
        assert longest / 2 <= seconds <= longest
    assert queue.retry("b", at_least=7) == 7
    queue.forget("a")
    assert queue.retry("a") <= 0.5
    queue.close()


async def _is_empty(queue: WorkQueue[str]) -> bool:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 0.01)
    return True


async def test_a_key_that_was_asked_to_wait_waits_whatever_happens() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    await queue.get()
    queue.add("a")
    queue.retry("a", at_least=0.3)
    queue.done("a")
    queue.add("a", first=True)
    assert await _is_empty(queue)
    assert await asyncio.wait_for(queue.get(), 60) == "a"
    queue.forget("a")
    queue.done("a")
    queue.add("a")
    assert await asyncio.wait_for(queue.get(), 60) == "a"
    queue.done("a")
