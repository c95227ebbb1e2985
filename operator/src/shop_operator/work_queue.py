"""A work queue of keys: deduplicated, one worker a key, retries with backoff (as client-go's)."""

import asyncio
import random
from collections import deque
from typing import Generic, TypeVar

from shop_operator.metrics import QUEUE_DEPTH

K = TypeVar("K")

_FIRST_SECONDS = 0.5
_LONGEST_SECONDS = 300.0


class WorkQueue(Generic[K]):
    """Keys to process. A key added while it is processed is processed once more afterwards."""

    def __init__(self) -> None:
        self._waiting: deque[K] = deque()
        self._queued: set[K] = set()
        self._working: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._tries: dict[K, int] = {}
        self._not_before: dict[K, float] = {}
        self._available = asyncio.Semaphore(0)

    def add(self, key: K, *, first: bool = False) -> None:
        """Enqueue a key, before all others if `first`.

        A key with a Retry-After stays delayed until then, whatever happens meanwhile.
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
        """Enqueue a key after `seconds`, or earlier if it is added earlier."""
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        self._timers[key] = loop.call_at(due, self.add, key)

    def retry(self, key: K, *, at_least: float = 0.0) -> float:
        """Enqueue a failed key with exponential backoff and jitter; return the delay in seconds."""
        tries = self._tries[key] = self._tries.get(key, 0) + 1
        longest = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2 ** min(tries - 1, 16))
        seconds = max(at_least, random.uniform(longest / 2, longest))  # noqa: S311 - jitter
        if at_least:
            self._not_before[key] = asyncio.get_running_loop().time() + at_least
            self._queued.discard(key)  # what was added while it was processed waits too
        self.add_after(key, seconds)
        return seconds

    def forget(self, key: K) -> None:
        """Reset a key's backoff."""
        self._not_before.pop(key, None)
        self._tries.pop(key, None)

    async def get(self) -> K:
        """Wait for the next key and return it; `done` must follow."""
        await self._available.acquire()
        key = self._waiting.popleft()
        self._queued.discard(key)
        self._working.add(key)
        QUEUE_DEPTH.set(len(self._waiting))
        return key

    def done(self, key: K) -> None:
        """Mark a key as processed."""
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
