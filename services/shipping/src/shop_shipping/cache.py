"""Answers kept in Redis for a moment. Truth is elsewhere: without Redis everything still works."""

import time

import structlog
from prometheus_client import Counter
from redis.asyncio import Redis
from redis.exceptions import RedisError

PAUSE_SECONDS = 2.0
"""How long Redis is left alone after it failed, so that its time-outs are not everybody's."""
_log = structlog.get_logger(__name__)
_reads = Counter("shipping_cache_reads_total", "Reads of the tracking cache", ["result"])


class Cache:
    """A cache that is allowed to be away."""

    def __init__(self, redis: Redis | None, *, seconds: int) -> None:
        """Keep answers that long; nothing at all without Redis."""
        self._redis = redis
        self._seconds = seconds
        self._paused_until = 0.0

    async def get(self, key: str) -> bytes | None:
        """Return what is kept, if anything."""
        if self._redis is None or self._is_paused():
            return None
        try:
            kept = await self._redis.get(key)
        except (RedisError, OSError) as error:
            self._pause(error)
            return None
        _reads.labels("hit" if kept else "miss").inc()
        return kept.encode() if isinstance(kept, str) else kept

    async def put(self, key: str, value: bytes) -> None:
        """Keep value for a while."""
        if self._redis is None or self._is_paused():
            return
        try:
            await self._redis.set(key, value, ex=self._seconds)
        except (RedisError, OSError) as error:
            self._pause(error)

    def _is_paused(self) -> bool:
        return time.monotonic() < self._paused_until

    def _pause(self, error: Exception) -> None:
        _reads.labels("error").inc()
        _log.warning("redis is away", error=repr(error))
        self._paused_until = time.monotonic() + PAUSE_SECONDS
