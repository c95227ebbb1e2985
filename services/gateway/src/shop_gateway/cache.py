"""Answers that a service marked `Cache-Control: public, max-age=N`, kept in memory for that long.

In memory and not in Redis: it is faster by a network round trip, it works with Redis gone, and the
age bounds how far two replicas can differ. Events about the catalogue empty it earlier.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import TLRUCache

from shop_gateway.headers import Headers, first

_MAX_AGE = re.compile(rb"max-age=(\d{1,6})")
MAX_BODY_BYTES = 256 * 1024
MAX_BYTES = 32 * 1024 * 1024

Key = tuple[bytes, bytes, bytes]


@dataclass(frozen=True)
class Answer:
    """A stored 200."""

    headers: Headers
    body: bytes
    etag: bytes | None
    max_age: int


def cacheable_seconds(status: int, headers: Headers) -> int:
    """Return how long a shared cache may keep this answer; 0 means not at all (RFC 9111)."""
    control = first(headers, b"cache-control") or b""
    if status != 200 or b"public" not in control or first(headers, b"set-cookie"):  # noqa: PLR2004 -- the status itself
        return 0
    vary = (first(headers, b"vary") or b"").lower().replace(b" ", b"")
    if vary not in (b"", b"accept-encoding"):
        return 0
    found = _MAX_AGE.search(control)
    return int(found[1]) if found else 0


class AnswerCache:
    """Answers by path, query and accepted encoding, at most MAX_BYTES of bodies."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        def until(_key: Key, answer: Answer, now: float) -> float:
            return now + answer.max_age

        self._answers: TLRUCache[Key, Answer] = TLRUCache(
            MAX_BYTES, ttu=until, timer=clock, getsizeof=lambda answer: len(answer.body) + 512
        )

    def get(self, key: Key) -> Answer | None:
        """Return the answer while it is fresh."""
        return self._answers.get(key)

    def put(self, key: Key, answer: Answer) -> None:
        """Keep an answer, unless it is too large to be worth it."""
        if len(answer.body) <= MAX_BODY_BYTES:
            self._answers[key] = answer

    def clear(self) -> None:
        """Forget all."""
        self._answers.clear()
