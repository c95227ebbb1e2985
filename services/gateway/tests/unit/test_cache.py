import gzip

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

KEY = (b"/v1/products", b"")


def stored(body: bytes, freshness: Freshness, etag: bytes | None = None) -> CachedResponse:
    return CachedResponse([], body, etag, freshness)


@pytest.mark.parametrize(
    ("status", "headers", "fresh"),
    [
        (200, [(b"cache-control", b"public, max-age=2")], 2),
        (200, [(b"cache-control", b"Public, Max-Age=2")], 2),
        (200, [(b"cache-control", b"public"), (b"Cache-Control", b"max-age=2")], 2),
        (200, [(b"cache-control", b'public, max-age="2"')], 2),
        (200, [(b"cache-control", b"public, max-age=2"), (b"vary", b"Accept-Encoding")], 2),
        (200, [(b"cache-control", b"public, s-maxage=3, max-age=2")], 3),
        (404, [(b"cache-control", b"public, max-age=2")], 0),
        (200, [(b"cache-control", b"private, max-age=2")], 0),
        (200, [(b"cache-control", b"public, private, max-age=2")], 0),
        (200, [(b"cache-control", b"public, no-store, max-age=2")], 0),
        (200, [(b"cache-control", b"public, no-cache, max-age=2")], 0),
        (200, [(b"cache-control", b"not-public, max-age=2")], 0),
        (200, [(b"cache-control", b"public")], 0),
        (200, [(b"cache-control", b"public, max-age=-2")], 0),
        (200, [(b"cache-control", b"public, max-age=\xb2")], 0),
        (200, [(b"cache-control", b"public, max-age=2"), (b"vary", b"authorization")], 0),
        (200, [(b"cache-control", b"public, max-age=2"), (b"vary", b"*")], 0),
        (
            200,
            [
                (b"cache-control", b"public, max-age=2"),
                (b"vary", b"accept-encoding"),
                (b"vary", b"cookie"),
            ],
            0,
        ),
        (200, [(b"cache-control", b"public, max-age=2"), (b"set-cookie", b"a=b")], 0),
        (200, [(b"cache-control", b"public, max-age=2"), (b"content-encoding", b"br")], 0),
        (200, [], 0),
    ],
)
def test_only_what_is_marked_public_is_kept(status: int, headers: Headers, fresh: int) -> None:
    assert freshness_of(status, headers) == Freshness(fresh)


def test_it_may_say_how_long_it_may_be_served_stale() -> None:
    control = b"public, max-age=2, stale-while-revalidate=5"
    assert freshness_of(200, [(b"cache-control", control)]) == Freshness(2, 5)


def test_the_age_it_came_with_counts() -> None:
    headers = [(b"cache-control", b"public, max-age=10"), (b"age", b"4")]
    freshness = freshness_of(200, headers)
    assert freshness == Freshness(10, 0, 4)
    assert not freshness_of(200, [headers[0], (b"age", b"10")])
    now = 0.0
    cache = ResponseCache(lambda: now)
    cache.put(KEY, stored(b"1", freshness), generation=0)
    now = 5.5
    found = cache.get(KEY)
    assert found
    assert found[1] == 9
    now = 6
    assert cache.get(KEY) is None


def test_one_fetches_a_stale_answer_anew_while_the_others_have_it() -> None:
    now = 0.0
    cache = ResponseCache(lambda: now)
    cache.put(KEY, stored(b"1", Freshness(2, 5)), generation=0)
    now = 2.1
    assert cache.get(KEY) is None
    assert cache.get(KEY)
    now += REVALIDATION_SECONDS  # that one has failed: another tries
    assert cache.get(KEY) is None
    assert cache.get(KEY)
    cache.put(KEY, stored(b"2", Freshness(2, 5)), generation=0)
    found = cache.get(KEY)
    assert found
    assert (found[0].body, found[1]) == (b"2", 0)
    now += 7
    assert [cache.get(KEY), cache.get(KEY)] == [None, None]


def test_an_answer_ages_and_can_be_forgotten() -> None:
    now = 0.0
    cache = ResponseCache(lambda: now)
    cache.put(KEY, stored(b"1", Freshness(2)), generation=0)
    now = 1.9
    found = cache.get(KEY)
    assert found
    assert found[1] == 1
    now = 2.1
    assert cache.get(KEY) is None
    cache.put(KEY, stored(b"1", Freshness(2)), generation=0)
    cache.invalidate(KEY)
    cache.invalidate(KEY)
    assert cache.get(KEY) is None
    cache.put(KEY, stored(b"1", Freshness(2)), generation=0)
    cache.clear()
    assert cache.get(KEY) is None


def test_an_answer_that_was_asked_for_before_all_was_forgotten_is_not_kept() -> None:
    cache = ResponseCache(lambda: 0.0)
    asked_in = cache.generation
    cache.clear()  # the catalogue has changed meanwhile
    cache.put(KEY, stored(b"old", Freshness(2)), generation=asked_in)
    assert cache.get(KEY) is None
    cache.put(KEY, stored(b"new", Freshness(2)), generation=cache.generation)
    assert cache.get(KEY)


def test_what_is_too_large_is_not_kept() -> None:
    cache = ResponseCache()
    cache.put(KEY, stored(b"x" * (MAX_BODY_BYTES + 1), Freshness(2)), generation=0)
    assert cache.get(KEY) is None


@pytest.mark.parametrize(
    ("if_none_match", "named"),
    [
        (None, False),
        (b'"7"', True),
        (b'W/"7"', True),
        (b'"6", W/"7"', True),
        (b"*", True),
        (b'"6"', False),
        (b"7", False),
    ],
)
def test_a_version_is_named_by_weak_comparison(if_none_match: bytes | None, *, named: bool) -> None:
    for tag in (b'"7"', b'W/"7"'):
        assert stored(b"", Freshness(1), tag).is_named_by(if_none_match) is named
    assert stored(b"", Freshness(1)).is_named_by(if_none_match) is (if_none_match == b"*")


def test_it_is_compressed_once() -> None:
    answer = stored(b"x" * 10_000, Freshness(1))
    assert gzip.decompress(answer.compressed) == answer.body
    assert answer.compressed is answer.compressed
