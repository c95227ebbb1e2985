import pytest

from shop_gateway.cache import (
    MAX_BODY_BYTES,
    REVALIDATION_SECONDS,
    CachedResponse,
    Freshness,
    ResponseCache,
    freshness_of,
)
from shop_gateway.headers import Headers

KEY = (b"/v1/products", b"", b"")


@pytest.mark.parametrize(
    ("status", "headers", "fresh"),
    [
        (200, [(b"cache-control", b"public, max-age=2")], 2),
        (200, [(b"cache-control", b"public, max-age=2"), (b"vary", b"Accept-Encoding")], 2),
        (404, [(b"cache-control", b"public, max-age=2")], 0),
        (200, [(b"cache-control", b"private, max-age=2")], 0),
        (200, [(b"cache-control", b"public")], 0),
        (200, [(b"cache-control", b"public, max-age=2"), (b"vary", b"authorization")], 0),
        (200, [(b"cache-control", b"public, max-age=2"), (b"set-cookie", b"a=b")], 0),
        (200, [], 0),
    ],
)
def test_only_what_is_marked_public_is_kept(status: int, headers: Headers, fresh: int) -> None:
    assert freshness_of(status, headers) == Freshness(fresh)


def test_it_may_say_how_long_it_may_be_served_stale() -> None:
    control = b"public, max-age=2, stale-while-revalidate=5"
    assert freshness_of(200, [(b"cache-control", control)]) == Freshness(2, 5)


def test_one_fetches_a_stale_answer_anew_while_the_others_have_it() -> None:
    now = 0.0
    cache = ResponseCache(lambda: now)
    cache.put(KEY, CachedResponse([], b"1", None, Freshness(2, 5)))
    now = 2.1
    assert cache.get(KEY) is None
    assert cache.get(KEY)
    now += REVALIDATION_SECONDS  # that one has failed: another tries
    assert cache.get(KEY) is None
    assert cache.get(KEY)
    cache.put(KEY, CachedResponse([], b"2", None, Freshness(2, 5)))
    found = cache.get(KEY)
    assert found
    assert found.body == b"2"
    now += 7
    assert [cache.get(KEY), cache.get(KEY)] == [None, None]


def test_an_answer_ages_and_can_be_forgotten() -> None:
    now = 0.0
    cache = ResponseCache(lambda: now)
    cache.put(KEY, CachedResponse([], b"1", None, Freshness(2)))
    now = 1.9
    assert cache.get(KEY)
    now = 2.1
    assert cache.get(KEY) is None
    cache.put(KEY, CachedResponse([], b"1", None, Freshness(2)))
    cache.clear()
    assert cache.get(KEY) is None


def test_what_is_too_large_is_not_kept() -> None:
    cache = ResponseCache()
    cache.put(KEY, CachedResponse([], b"x" * (MAX_BODY_BYTES + 1), None, Freshness(2)))
    assert cache.get(KEY) is None
