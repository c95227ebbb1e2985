"""Repeated work goes on after temporary errors; backoff is bounded."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop_shared.background import backoff, every


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
