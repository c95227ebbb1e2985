"""How many requests a user or an address may make, counted in Redis for all gateways together.

Open when Redis is gone: a shop without limits for a minute beats a closed one. What the gateway
answers from its own memory is not counted: counting would cost more than the answer.
"""

import asyncio
import math
import time

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import RedisStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from prometheus_client import Counter
from redis.asyncio import Redis

from shop_shared.breaker import CircuitBreaker, ConsecutiveFailures, Outcome
from shop_shared.http.problems import TooManyRequests

PATIENCE_SECONDS = 0.1
"""What a Redis that hangs may cost one of the few requests that find out."""
log = structlog.get_logger()

REFUSED = Counter("gateway_rate_limited_total", "Requests over their limit", ["by"])
UNCOUNTED = Counter("gateway_rate_limit_unavailable_total", "Requests let through uncounted")


class RateLimit:
    """Limits as text that the limits library reads, such as `600/minute`."""

    def __init__(self, storage: Storage, *, per_user: str, per_address: str) -> None:
        self._window = SlidingWindowCounterRateLimiter(storage)
        self._items: dict[str, RateLimitItem] = {
            "user": parse(per_user),
            "address": parse(per_address),
        }
        self._breaker = CircuitBreaker(ConsecutiveFailures(3), open_seconds=1)

    async def check(self, by: str, who: str) -> None:
        """Count a request of `who`, a `user` or an `address`. Raises TooManyRequests."""
        if not self._breaker.permits():
            UNCOUNTED.inc()
            return
        item = self._items[by]
        self._breaker.started()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                within = await self._window.hit(item, by, who)
                stats = None if within else await self._window.get_window_stats(item, by, who)
        except (StorageError, TimeoutError) as error:
            self._breaker.record(Outcome.FAILED)
            UNCOUNTED.inc()
            log.warning("rate_limit.unavailable", error=repr(error))
            return
        self._breaker.record(Outcome.ANSWERED)
        if stats is None:
            return
        REFUSED.labels(by).inc()
        raise TooManyRequests(
            f"at most {item} for one {by}",
            retry_after=max(1, math.ceil(stats.reset_time - time.time())),
        )


def storage(redis: Redis) -> Storage:
    """Return counters that are kept by the client's connections."""
    return RedisStorage(
        "async+redis://localhost:6379",  # must be there, and counts for nothing beside the pool
        wrap_exceptions=True,
        implementation="redispy",
        connection_pool=redis.connection_pool,  # type: ignore[arg-type]  # its hint forgets it
    )
