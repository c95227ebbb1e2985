"""Answers that a service marked `Cache-Control: public, max-age=N`, kept in memory for that long.

In memory and not in Redis: it is faster by a network round trip, it works with Redis gone, and the
age bounds how far two replicas can differ. Events about the catalogue empty it earlier.

An answer that may be served stale (`stale-while-revalidate=N`, RFC 5861) is fetched anew by the
first who asks after its age, and the others have the old one meanwhile: else a crowd would follow.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import TLRUCache

from shop_gateway.headers import Headers, first

_MAX_AGE = re.compile(rb"max-age=(\d{1,6})")
_STALE = re.compile(rb"stale-while-revalidate=(\d{1,6})")
REVALIDATION_SECONDS = 1.0
"""How long who fetches an answer anew may take before another tries."""
MAX_BODY_BYTES = 256 * 1024
MAX_BYTES = 32 * 1024 * 1024

Key = tuple[bytes, bytes, bytes]


@dataclass(frozen=True)
class CachedResponse:
    """A stored 200."""

    headers: Headers
    body: bytes
    etag: bytes | None
    freshness: "Freshness"


@dataclass(frozen=True)
class Freshness:
    """For how many seconds an answer is fresh, and may then be served stale."""

    fresh: int = 0
    stale: int = 0

    def __bool__(self) -> bool:
        return self.fresh > 0


@dataclass
class _Entry:
    answer: CachedResponse
    fresh_until: float
    revalidated_by: float = float("-inf")


def freshness_of(status: int, headers: Headers) -> Freshness:
    """Return how long a shared cache may keep this answer; false means not at all (RFC 9111)."""
    control = first(headers, b"cache-control") or b""
    if status != 200 or b"public" not in control or first(headers, b"set-cookie"):  # noqa: PLR2004 -- the status itself
        return Freshness()
    vary = (first(headers, b"vary") or b"").lower().replace(b" ", b"")
    if vary not in (b"", b"accept-encoding"):
        return Freshness()
    fresh, stale = _MAX_AGE.search(control), _STALE.search(control)
    return Freshness(int(fresh[1]) if fresh else 0, int(stale[1]) if stale else 0)


class ResponseCache:
    """Answers by path, query and accepted encoding, at most MAX_BYTES of bodies."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        def until(_key: Key, kept: _Entry, _now: float) -> float:
            return kept.fresh_until + kept.answer.freshness.stale

        self._clock = clock
        self._answers: TLRUCache[Key, _Entry] = TLRUCache(
            MAX_BYTES, ttu=until, timer=clock, getsizeof=lambda kept: len(kept.answer.body) + 512
        )

    def get(self, key: Key) -> CachedResponse | None:
        """Return the answer while it is fresh, or stale and somebody else fetches it anew."""
        kept = self._answers.get(key)
        if kept is None:
            return None
        now = self._clock()
        if now >= max(kept.fresh_until, kept.revalidated_by):
            kept.revalidated_by = now + REVALIDATION_SECONDS
            return None
        return kept.answer

    def put(self, key: Key, answer: CachedResponse) -> None:
        """Keep an answer, unless it is too large to be worth it."""
        if len(answer.body) <= MAX_BODY_BYTES:
            self._answers[key] = _Entry(answer, self._clock() + answer.freshness.fresh)

    def clear(self) -> None:
        """Forget all."""
        self._answers.clear()
