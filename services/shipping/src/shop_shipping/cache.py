"""Answers kept in Redis for a moment. Truth is elsewhere: without Redis everything still works."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import structlog
from prometheus_client import Counter
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shop_shared.breaker import CircuitBreaker, ConsecutiveFailures, Outcome

T = TypeVar("T")
_log = structlog.get_logger(__name__)
_reads = Counter("shipping_cache_reads_total", "Reads of the tracking cache", ["result"])


class Cache:
    """A cache that is allowed to be away."""

    patience_seconds = 0.1
    """What a Redis that hangs may cost the request that finds out."""
    pause_seconds = 2.0
    """How long Redis is left alone after it failed, so that its time-outs are not everybody's."""

    def __init__(self, redis: Redis | None, *, prefix: str = "", seconds: int) -> None:
        """Keep answers that long; nothing at all without Redis. Keys begin with the prefix."""
        self._redis = redis
        self._prefix = prefix
        self._seconds = seconds
        self._breaker = CircuitBreaker(ConsecutiveFailures(1), open_seconds=self.pause_seconds)

    async def get(self, key: str) -> bytes | None:
        """Return what is kept, if anything."""
        if self._redis is None or not self._breaker.permits():
            return None
        kept = await self._asked(self._redis.get(self._prefix + key))
        if self._breaker.closed:
            _reads.labels("hit" if kept else "miss").inc()
        return kept.encode() if isinstance(kept, str) else kept

    async def put(self, key: str, value: bytes) -> None:
        """Keep value for a while."""
        if self._redis is not None and self._breaker.permits():
            await self._asked(self._redis.set(self._prefix + key, value, ex=self._seconds))

    async def _asked(self, call: Awaitable[T]) -> T | None:
        self._breaker.started()
        try:
            async with asyncio.timeout(self.patience_seconds):
                answer = await call
        except (RedisError, OSError) as error:
            self._breaker.record(Outcome.FAILED)
            _reads.labels("error").inc()
            _log.warning("redis is away", error=repr(error))
            return None
        self._breaker.record(Outcome.ANSWERED)
        return answer
