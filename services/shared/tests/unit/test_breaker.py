"""The breaker opens by its rule, tries one call, and closes on an answer."""

import pytest

from shop_shared.breaker import CircuitBreaker, ConsecutiveFailures, FailureShare, Outcome

ANSWERED, FAILED, NEUTRAL = Outcome.ANSWERED, Outcome.FAILED, Outcome.NEUTRAL


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def in_a_row(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(ConsecutiveFailures(3), open_seconds=5, clock=clock)


def by_share(clock: Clock) -> CircuitBreaker:
    rule = FailureShare(share=0.5, minimum=20, seconds=10)
    return CircuitBreaker(rule, open_seconds=5, clock=clock)


def opened(clock: Clock) -> CircuitBreaker:
    breaker = in_a_row(clock)
    for _ in range(3):
        assert breaker.permits(16) == 16
        breaker.record(FAILED)
    return breaker


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker = in_a_row(Clock())
    for _ in range(10):
        for outcome in (FAILED, FAILED, ANSWERED):
            breaker.record(outcome)
    assert breaker.closed


def test_what_says_nothing_neither_opens_nor_breaks_a_row() -> None:
    breaker = in_a_row(Clock())
    for _ in range(100):
        breaker.record(NEUTRAL)
    assert breaker.closed
    for outcome in (FAILED, NEUTRAL, FAILED, NEUTRAL, FAILED):
        breaker.record(outcome)
    assert not breaker.closed


def test_open_it_permits_nothing_until_it_has_rested() -> None:
    clock = Clock()
    breaker = opened(clock)
    assert (breaker.permits(16), breaker.rest()) == (0, 5)
    clock.now = 4.9
    assert breaker.permits(16) == 0


def test_rested_it_permits_one_probe_at_a_time() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 5
    assert breaker.permits(16) == 1
    breaker.started()
    assert breaker.permits(16) == 0
    breaker.record(FAILED)
    assert breaker.rest() == 5
    clock.now = 10
    assert breaker.permits(16) == 1
    breaker.started()
    breaker.record(ANSWERED)
    assert breaker.permits(16) == 16


def test_a_probe_that_is_never_heard_of_again_is_followed_by_another() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 5
    breaker.started()
    assert (breaker.permits(16), breaker.rest()) == (0, 5)
    clock.now = 10
    assert breaker.permits(16) == 1


def test_a_probe_that_says_nothing_makes_room_for_the_next_at_once() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 5
    breaker.started()
    breaker.record(NEUTRAL)
    assert (breaker.permits(16), breaker.closed) == (1, False)


@pytest.mark.parametrize(("calls", "closed"), [(19, True), (20, False)])
def test_a_share_of_few_calls_opens_nothing(calls: int, *, closed: bool) -> None:
    breaker = by_share(Clock())
    for _ in range(calls):
        breaker.record(FAILED)
    assert breaker.closed is closed


def test_half_of_the_last_seconds_failing_opens_it_however_many_were_well_before() -> None:
    clock = Clock()
    breaker = by_share(clock)
    for _ in range(1000):
        breaker.record(ANSWERED)
    clock.now = 10.1
    for _ in range(10):
        breaker.record(ANSWERED)
        assert breaker.closed
        breaker.record(FAILED)
    assert not breaker.closed


def test_a_window_slides_and_has_no_edge_to_hide_behind() -> None:
    """Twelve failures before and twelve after a fixed window's edge are twenty-four in a row."""
    clock = Clock()
    breaker = by_share(clock)
    clock.now = 9
    for _ in range(12):
        breaker.record(FAILED)
    clock.now = 11
    for _ in range(12):
        breaker.record(FAILED)
    assert not breaker.closed


def test_few_failures_among_many_calls_keep_it_closed() -> None:
    breaker = by_share(Clock())
    for number in range(300):
        breaker.record(ANSWERED if number % 3 else FAILED)
    assert breaker.closed
