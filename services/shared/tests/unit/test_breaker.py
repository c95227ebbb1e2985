"""The breaker opens after failures in a row, tries one call, and closes on an answer."""

from shop_shared.breaker import CircuitBreaker


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(failures=3, open_seconds=5, clock=clock)
    for _ in range(3):
        assert breaker.permits(16) == 16
        breaker.failed()
    return breaker


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker = CircuitBreaker(failures=3, open_seconds=5, clock=Clock())
    for _ in range(10):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    assert breaker.closed


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
    breaker.failed()
    assert breaker.rest() == 5
    clock.now = 10
    assert breaker.permits(16) == 1
    breaker.started()
    breaker.succeeded()
    assert breaker.permits(16) == 16


def test_a_probe_that_is_never_heard_of_again_is_followed_by_another() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 5
    breaker.started()
    assert (breaker.permits(16), breaker.rest()) == (0, 5)
    clock.now = 10
    assert breaker.permits(16) == 1
