"""Repeated work goes on after temporary errors; backoff is bounded."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop_shared.background import GroupedCalls, RetryPolicy, WakeSignal, backoff, every, work_off


@given(failures=st.integers(-1, 10**9), first=st.floats(0.001, 10), most=st.floats(10, 3600))
def test_backoff_is_bounded_for_any_number_of_failures(
    failures: int, first: float, most: float
) -> None:
    assert 0.7 * first <= backoff(failures, first=first, most=most) <= most


def test_backoff_doubles() -> None:
    waits = [backoff(failures, first=1, most=100) for failures in range(1, 6)]
    assert all(0.7 * 2**n <= wait <= 2**n for n, wait in enumerate(waits))


async def test_a_temporary_error_is_tried_again_and_another_ends_the_work() -> None:
    outcomes = iter(
        [ConnectionError(), None, ConnectionError(), ConnectionError(), KeyError("bug")]
    )
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if outcome := next(outcomes):
            raise outcome

    with pytest.raises(KeyError, match="bug"):
        async with asyncio.timeout(10):
            await every(
                0.001,
                work,
                is_temporary=lambda error: isinstance(error, ConnectionError),
                most=0.01,
            )
    assert runs == 5


def test_a_retry_policy_parks_after_its_bound_or_never() -> None:
    bounded, endless = RetryPolicy(first=1, most=4, bound=3), RetryPolicy(first=1, most=4)
    assert [bounded.is_spent(attempts) for attempts in (1, 2, 3, 4)] == [False, False, True, True]
    assert not endless.is_spent(10**9)
    assert timedelta(seconds=2.8) <= endless.delay(10**9) <= timedelta(seconds=4)


async def test_work_is_done_until_none_is_left_and_again_when_woken() -> None:
    waiting, done, signal = [3], [0], WakeSignal()

    async def work() -> int:
        if not waiting[0]:
            return 0
        waiting[0] -= 1
        done[0] += 1
        if done[0] == 2:
            waiting[0] += 1
            signal.wake()  # amid the work: it is not lost
        return 1

    running = asyncio.create_task(
        work_off(work, signal=signal, seconds=3600, is_temporary=lambda _: False)
    )
    async with asyncio.timeout(10):
        while done[0] < 4:
            await asyncio.sleep(0)
        waiting[0] = 2
        signal.wake()
        while done[0] < 6:
            await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_waiter_is_woken_by_the_clock_too() -> None:
    async with asyncio.timeout(10):
        await WakeSignal().wait(0.01)


async def test_what_comes_while_a_call_runs_shares_the_next_one() -> None:
    made: list[list[int]] = []
    go_on = asyncio.Event()

    async def call(items: Sequence[int]) -> list[int]:
        made.append(list(items))
        await go_on.wait()
        if 3 in items:
            raise ConnectionError
        return [item * 10 for item in items]

    grouped = GroupedCalls(call)
    first = asyncio.create_task(grouped(0))
    while not made:
        await asyncio.sleep(0)
    others = [asyncio.create_task(grouped(n)) for n in (1, 2, 1)]
    await asyncio.sleep(0)
    others[1].cancel()
    go_on.set()
    assert await first == 0
    assert [await others[0], await others[2]] == [10, 10]
    assert made == [[0], [1, 2, 1]]
    failed = await asyncio.gather(*(grouped(n) for n in (3, 4)), return_exceptions=True)
    assert [type(error) for error in failed] == [ConnectionError, ConnectionError]
    assert await grouped(5) == 50


async def test_a_call_that_forgets_an_item_fails_it_and_the_next_call_is_made() -> None:
    answers = [[10], [20]]

    async def call(_: Sequence[int]) -> list[int]:
        return answers.pop(0)

    grouped = GroupedCalls(call)
    told = await asyncio.gather(grouped(1), grouped(2), return_exceptions=True)
    assert [told[0], type(told[1])] == [10, ValueError]
    assert await grouped(2) == 20
