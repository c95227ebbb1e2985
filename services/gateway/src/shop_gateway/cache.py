"""Answers that a service marked `Cache-Control: public, max-age=N`, kept in memory for that long.

In memory and not in Redis: it is faster by a network round trip, it works with Redis gone, and the
age bounds how far two replicas can differ. Events about the catalogue empty it earlier.

An answer that may be served stale (`stale-while-revalidate=N`, RFC 5861) is fetched anew by the
first who asks after its age, and the others have the old one meanwhile: else a crowd would follow.

The rules are those of RFC 9111 for a shared cache. Of a request's `Cache-Control` none is heeded:
the cache stands before the services, and nobody may reach past it at will.
"""

import gzip
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from cachetools import TLRUCache

from shop_gateway.encoding import GZIP_LEVEL
from shop_gateway.headers import Headers, combined, first, without
from shop_shared.http.etag import matches

REVALIDATION_SECONDS = 1.0
"""How long who fetches an answer anew may take before another tries."""
MAX_BODY_BYTES = 256 * 1024
MAX_BYTES = 32 * 1024 * 1024
MAX_SECONDS = 10**6

Key = tuple[bytes, bytes]
"""Raw path and query. One entry serves every coding: the gateway is the one who compresses."""


@dataclass(frozen=True)
class Freshness:
    """For how many seconds an answer is fresh, and may then be served stale (RFC 9111, 5861)."""

    fresh: int = 0
    stale: int = 0
    age: int = 0
    """How old it was already when it came."""

    def __bool__(self) -> bool:
        return self.fresh > self.age


@dataclass(frozen=True)
class CachedResponse:
    """A stored 200."""

    headers: Headers
    body: bytes
    etag: bytes | None
    freshness: Freshness

    @cached_property
    def compressed(self) -> bytes:
        """The body in gzip, made at its first use."""
        return gzip.compress(self.body, GZIP_LEVEL, mtime=0)

    def is_named_by(self, if_none_match: bytes | None) -> bool:
        """Tell whether the client has this version already (RFC 9110, 13.1.2)."""
        if if_none_match is None:
            return False
        header = if_none_match.decode("latin-1")
        if self.etag is None:
            return header.strip() == "*"
        return matches(header, self.etag.decode("latin-1"), weak=True)


@dataclass
class _Entry:
    answer: CachedResponse
    stored_at: float
    revalidated_by: float = float("-inf")

    @property
    def fresh_until(self) -> float:
        return self.stored_at + self.answer.freshness.fresh - self.answer.freshness.age


def freshness_of(status: int, headers: Headers) -> Freshness:
    """Return how long a shared cache may keep this answer; false means not at all."""
    directives = _directives(combined(headers, b"cache-control") or b"")
    vary = {name.strip() for name in (combined(headers, b"vary") or b"").lower().split(b",")}
    if (
        status != 200  # noqa: PLR2004 -- the status itself
        or "public" not in directives
        or not directives.keys().isdisjoint({"private", "no-store", "no-cache"})
        or first(headers, b"set-cookie")
        or first(headers, b"content-encoding")
        or not vary <= {b"", b"accept-encoding"}
    ):
        return Freshness()
    seconds = directives.get("s-maxage", directives.get("max-age", ""))
    stale = directives.get("stale-while-revalidate", "")
    return Freshness(
        _seconds(seconds), _seconds(stale), _seconds((first(headers, b"age") or b"").decode())
    )


def _directives(control: bytes) -> dict[str, str]:
    """Read a Cache-Control: directives are compared without case, the first of two counts."""
    found: dict[str, str] = {}
    for part in control.decode("latin-1").split(","):
        name, _, value = part.strip().partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def _seconds(text: str) -> int:
    return min(int(text), MAX_SECONDS) if text.isascii() and text.isdigit() else 0


class ResponseCache:
    """Answers by path and query, at most MAX_BYTES of bodies."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        def until(_key: Key, entry: _Entry, _now: float) -> float:
            return entry.fresh_until + entry.answer.freshness.stale

        self._clock = clock
        self.generation = 0
        """Counts up whenever all is forgotten: an answer that was asked for before is old."""
        self._entries: TLRUCache[Key, _Entry] = TLRUCache(
            MAX_BYTES, ttu=until, timer=clock, getsizeof=lambda entry: _size(entry.answer)
        )

    def get(self, key: Key) -> tuple[CachedResponse, int] | None:
        """Return the answer and its age in seconds.

        It is fresh, or stale while somebody else fetches it anew.
        """
        entry = self._entries.get(key)
        if entry is None:
            return None
        now = self._clock()
        if now >= max(entry.fresh_until, entry.revalidated_by):
            entry.revalidated_by = now + REVALIDATION_SECONDS
            return None
        return entry.answer, int(now - entry.stored_at) + entry.answer.freshness.age

    def put(self, key: Key, answer: CachedResponse, *, generation: int) -> None:
        """Keep an answer, unless it is too large to be worth it.

        Nor is one kept that was asked for in another `generation`: it may be of before a change.
        """
        if len(answer.body) <= MAX_BODY_BYTES and generation == self.generation:
            self._entries[key] = _Entry(answer, self._clock())

    def invalidate(self, key: Key) -> None:
        """Forget an answer: what it shows was changed through here (RFC 9111, 4.4)."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget all."""
        self.generation += 1
        self._entries.clear()


def kept_headers(headers: Headers) -> Headers:
    """Return what is kept of an answer's headers: its age is written anew each time."""
    return without(headers, b"age")


def _size(answer: CachedResponse) -> int:
    """Return the bytes an answer takes, with its compressed form and what is around it."""
    return len(answer.body) * 3 // 2 + 512
