"""A cache of rendered lists, by path and raw query string, each for about a second.

A list is read far more often than it changes. A change made in this process clears the cache; a
change made by another replica shows when the second is over. Requests for a list that is just being
rendered wait for the one answer.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

MAX_ENTRIES = 1_000
MAX_KEY_BYTES = 512


@dataclass(frozen=True, slots=True)
class Answer:
    """A list as it goes over the wire."""

    body: bytes
    tag: str
    until: float


class ListCache:
    """Answers by path and raw query, each for ``seconds``."""

    def __init__(self, *, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._answers: dict[str, Answer] = {}
        self._under_way: dict[str, asyncio.Future[Answer | None]] = {}
        self._version = 0

    def get(self, key: str) -> Answer | None:
        """Return the answer that still counts."""
        answer = self._answers.get(key)
        return answer if answer is not None and answer.until > self._clock() else None

    def clear(self) -> None:
        """Forget everything: the catalogue changed here."""
        self._version += 1
        self._answers.clear()
        self._under_way.clear()

    async def answer(self, key: str, make: Callable[[], Awaitable[bytes]]) -> Answer:
        """Return the answer for ``key``, made once for all who ask meanwhile."""
        while (waiting := self._under_way.get(key)) is not None:
            made = await asyncio.shield(waiting)
            if made is not None:
                return made
        future = self._under_way[key] = asyncio.get_running_loop().create_future()
        version, made = self._version, None
        try:
            body = await make()
            made = Answer(
                body,
                hashlib.blake2b(body, digest_size=12).hexdigest(),
                self._clock() + self._seconds,
            )
            if version == self._version and len(key) <= MAX_KEY_BYTES:
                self._keep(key, made)
            return made
        finally:
            if self._under_way.get(key) is future:
                del self._under_way[key]
            future.set_result(made)

    def _keep(self, key: str, answer: Answer) -> None:
        self._answers.pop(key, None)
        while len(self._answers) >= MAX_ENTRIES:
            del self._answers[next(iter(self._answers))]
        self._answers[key] = answer
