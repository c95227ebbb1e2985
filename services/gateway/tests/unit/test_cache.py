import pytest

from shop_gateway.cache import MAX_BODY_BYTES, Answer, AnswerCache, cacheable_seconds
from shop_gateway.headers import Headers

KEY = (b"/v1/products", b"", b"")


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
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
def test_only_what_is_marked_public_is_kept(status: int, headers: Headers, seconds: int) -> None:
    assert cacheable_seconds(status, headers) == seconds


def test_an_answer_ages_and_can_be_forgotten() -> None:
    now = 0.0
    cache = AnswerCache(lambda: now)
    cache.put(KEY, Answer([], b"1", None, 2))
    now = 1.9
    assert cache.get(KEY)
    now = 2.1
    assert cache.get(KEY) is None
    cache.put(KEY, Answer([], b"1", None, 2))
    cache.clear()
    assert cache.get(KEY) is None


def test_what_is_too_large_is_not_kept() -> None:
    cache = AnswerCache()
    cache.put(KEY, Answer([], b"x" * (MAX_BODY_BYTES + 1), None, 2))
    assert cache.get(KEY) is None
