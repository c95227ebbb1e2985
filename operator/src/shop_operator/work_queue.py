"""Keys to work on: each once in the queue, each in one worker's hands, put off with backoff."""

import asyncio
import random
from collections import deque
from typing import Generic, TypeVar

from shop_operator.metrics import QUEUE_DEPTH

K = TypeVar("K")

_FIRST_SECONDS = 0.5
_LONGEST_SECONDS = 300.0


class WorkQueue(Generic[K]):
    """A key that is added while it is worked on is worked on once more after that."""

    def __init__(self) -> None:
        self._waiting: deque[K] = deque()
        self._queued: set[K] = set()
        self._working: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._tries: dict[K, int] = {}
        self._not_before: dict[K, float] = {}
        self._available = asyncio.Semaphore(0)

    def add(self, key: K, *, first: bool = False) -> None:
        """Have a key worked on as soon as a worker is free, before all others if `first`.

        A key that the API server asked to wait with waits, whatever happens meanwhile.
        """
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        wait = self._not_before.get(key, 0.0) - asyncio.get_running_loop().time()
        if wait > 0:
            self.add_after(key, wait)
            return
        if key in self._queued:
            if first and key in self._waiting:
                self._waiting.remove(key)
                self._waiting.appendleft(key)
            return
        self._queued.add(key)
        if key not in self._working:
            self._offer(key, first=first)

    def add_after(self, key: K, seconds: float) -> None:
        """Have a key worked on later, or sooner if it is added sooner."""
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        self._timers[key] = loop.call_at(due, self.add, key)

    def retry(self, key: K, *, at_least: float = 0.0) -> float:
        """Put a key off, twice as long each time, with jitter; return the seconds."""
        tries = self._tries[key] = self._tries.get(key, 0) + 1
        longest = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2 ** min(tries - 1, 16))
        seconds = max(at_least, random.uniform(longest / 2, longest))  # noqa: S311 - jitter
        if at_least:
            self._not_before[key] = asyncio.get_running_loop().time() + at_least
            self._queued.discard(key)  # what came while it was in hand waits too
        self.add_after(key, seconds)
        return seconds

    def forgive(self, key: K) -> None:
        """Forget a key's failures."""
        self._not_before.pop(key, None)
        self._tries.pop(key, None)

    async def get(self) -> K:
        """Take the next key; `done` must follow."""
        await self._available.acquire()
        key = self._waiting.popleft()
        self._queued.discard(key)
        self._working.add(key)
        QUEUE_DEPTH.set(len(self._waiting))
        return key

    def done(self, key: K) -> None:
        """Give a key back."""
        self._working.discard(key)
        if key in self._queued:
            self._offer(key)

    def close(self) -> None:
        """Stop the timers."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _offer(self, key: K, *, first: bool = False) -> None:
        if first:
            self._waiting.appendleft(key)
        else:
            self._waiting.append(key)
        QUEUE_DEPTH.set(len(self._waiting))
        self._available.release()
