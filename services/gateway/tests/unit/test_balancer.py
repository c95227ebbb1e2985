from collections import Counter

import pytest

from shop_gateway.balancer import (
    BREAKER_MIN_REQUESTS,
    BREAKER_OPEN_SECONDS,
    EJECT_AFTER,
    EJECT_SECONDS,
    BreakerOpenError,
    NoEndpointError,
    Pool,
)
from shop_gateway.routes import Upstream
from shop_shared.breaker import Outcome

UPSTREAM = Upstream("order", "order-pods", 8000)
ANSWERED, FAILED, NEUTRAL = Outcome.ANSWERED, Outcome.FAILED, Outcome.NEUTRAL


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def pool(*addresses: str) -> tuple[Pool, Clock]:
    clock = Clock()
    made = Pool(UPSTREAM, clock)
    made.update(set(addresses))
    return made, clock


def taken(of: Pool, times: int = 200, avoid: frozenset[str] = frozenset()) -> Counter[str]:
    return Counter(of.choose(avoid=avoid).address for _ in range(times))


def test_the_pod_with_fewer_requests_in_flight_is_taken() -> None:
    pods, _ = pool("a", "b")
    pods.endpoints["a"].in_flight = 5
    assert taken(pods) == {"b": 200}


def test_every_pod_gets_its_share() -> None:
    pods, _ = pool("a", "b", "c")
    assert set(taken(pods)) == {"a", "b", "c"}


def test_a_retry_goes_to_another_pod_unless_there_is_none() -> None:
    pods, _ = pool("a", "b")
    assert taken(pods, avoid=frozenset("a")) == {"b": 200}
    alone, _ = pool("a")
    assert taken(alone, 1, avoid=frozenset("a")) == {"a": 1}


def test_no_pod_is_an_error_of_its_own() -> None:
    pods, _ = pool()
    with pytest.raises(NoEndpointError):
        pods.choose()


def test_a_pod_that_fails_in_a_row_is_left_out_for_a_while() -> None:
    pods, clock = pool("a", "b")
    for _ in range(EJECT_AFTER):
        pods.record(pods.endpoints["a"], FAILED)
    assert taken(pods) == {"b": 200}
    clock.now += EJECT_SECONDS
    assert set(taken(pods)) == {"a", "b"}


def test_a_success_between_failures_keeps_a_pod_in() -> None:
    pods, _ = pool("a", "b")
    for outcome in (FAILED, FAILED, ANSWERED, FAILED, FAILED):
        pods.record(pods.endpoints["a"], outcome)
    assert set(taken(pods)) == {"a", "b"}


def test_what_the_caller_has_caused_ejects_no_pod_and_opens_no_breaker() -> None:
    pods, _ = pool("a", "b")
    for _ in range(100):
        pods.record(pods.endpoints["a"], NEUTRAL)
    assert set(taken(pods)) == {"a", "b"}
    assert pods.breaker.closed


def test_with_all_ejected_all_are_tried() -> None:
    pods, _ = pool("a")
    for _ in range(EJECT_AFTER):
        pods.record(pods.endpoints["a"], FAILED)
    assert taken(pods, 1) == {"a": 1}


def test_pods_that_stay_keep_their_record() -> None:
    pods, _ = pool("a", "b")
    pods.endpoints["a"].in_flight = 3
    pods.update({"a", "c"})
    assert pods.endpoints["a"].in_flight == 3
    assert set(pods.endpoints) == {"a", "c"}


def test_the_breaker_opens_tries_once_and_closes() -> None:
    pods, clock = pool("a")
    for _ in range(BREAKER_MIN_REQUESTS):
        pods.record(pods.choose(), FAILED)
    with pytest.raises(BreakerOpenError) as caught:
        pods.choose()
    assert 0 < caught.value.retry_after <= BREAKER_OPEN_SECONDS
    clock.now += BREAKER_OPEN_SECONDS
    probe = pods.choose()
    with pytest.raises(BreakerOpenError):
        pods.choose()
    pods.record(probe, ANSWERED)
    pods.choose()


def test_a_probe_whose_caller_leaves_makes_room_for_the_next() -> None:
    pods, clock = pool("a")
    for _ in range(BREAKER_MIN_REQUESTS):
        pods.record(pods.choose(), FAILED)
    clock.now += BREAKER_OPEN_SECONDS
    pods.record(pods.choose(), NEUTRAL)
    pods.record(pods.choose(), ANSWERED)
    assert taken(pods) == {"a": 200}
