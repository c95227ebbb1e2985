"""How many requests a user or an address may make, counted in Redis for all gateways together.

Open when Redis is gone: a shop without limits for a minute beats a closed one. What the gateway
answers from its own memory is not counted: counting would cost more than the answer.

Each counted answer says what is left (`RateLimit`, `RateLimit-Policy` of
draft-ietf-httpapi-ratelimit-headers-10). What is left is asked of Redis once a second for each
caller and counted down here in between: with several gateways it may be off by a second's requests.
"""

import asyncio
import math
import time
from dataclasses import dataclass

import structlog
from cachetools import TTLCache
from limits import RateLimitItem, parse
from limits.aio.storage import RedisStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from prometheus_client import Counter
from redis.asyncio import Redis

from shop_gateway.headers import Headers
from shop_gateway.identity import Caller
from shop_shared.breaker import CircuitBreaker, ConsecutiveFailures, Outcome
from shop_shared.http.problems import TooManyRequests

FRESH_SECONDS = 1.0
"""How old the answer to "what is left?" may be."""
log = structlog.get_logger()

REFUSED = Counter("gateway_rate_limited_total", "Requests over their limit", ["by"])
UNCOUNTED = Counter("gateway_rate_limit_unavailable_total", "Requests let through uncounted")


@dataclass
class Quota:
    """What a caller has left of a policy."""

    policy: str
    """The policy's name: `user` or `address`."""
    limit: int
    """Requests in a window."""
    window: int
    """Its seconds."""
    remaining: int
    resets_at: float
    """Unix time in seconds."""

    @property
    def resets_in(self) -> int:
        """Whole seconds until a request is free again, at least 1."""
        return max(1, math.ceil(self.resets_at - time.time()))

    def fields(self) -> Headers:
        """Return the quota as the draft's two fields."""
        policy = f'"{self.policy}";q={self.limit};w={self.window}'
        left = f'"{self.policy}";r={self.remaining};t={self.resets_in}'
        return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())]


class OverLimit(TooManyRequests):
    """The caller's quota is used up."""

    def __init__(self, quota: Quota) -> None:
        super().__init__(
            f"at most {quota.limit} requests in {quota.window} seconds for one {quota.policy}",
            retry_after=quota.resets_in,
        )
        self.headers |= {name.decode(): value.decode() for name, value in quota.fields()}


class RateLimit:
    """Limits as text that the limits library reads, such as `600/minute`."""

    patience_seconds = 0.1
    """What a Redis that hangs may cost one of the few requests that find out."""

    def __init__(self, storage: Storage, *, per_user: str, per_address: str) -> None:
        self._window = SlidingWindowCounterRateLimiter(storage)
        self._items: dict[str, RateLimitItem] = {
            "user": parse(per_user),
            "address": parse(per_address),
        }
        self._quotas: TTLCache[Caller, Quota] = TTLCache(10_000, FRESH_SECONDS)
        self._breaker = CircuitBreaker(ConsecutiveFailures(3), open_seconds=1)
        self._patience = self.patience_seconds

    async def check(self, caller: Caller) -> Quota | None:
        """Count a request and return what is left; None uncounted. Raises OverLimit."""
        if not self._breaker.permits():
            UNCOUNTED.inc()
            return None
        self._breaker.started()
        try:
            async with asyncio.timeout(self._patience):
                within = await self._window.hit(self._items[caller.by], caller.by, caller.who)
                quota = await self._quota(caller, within=within)
        except (StorageError, TimeoutError) as error:
            self._breaker.record(Outcome.FAILED)
            UNCOUNTED.inc()
            log.warning("rate_limit.unavailable", error=repr(error))
            return None
        self._breaker.record(Outcome.ANSWERED)
        if within:
            return quota
        REFUSED.labels(caller.by).inc()
        raise OverLimit(quota)

    async def _quota(self, caller: Caller, *, within: bool) -> Quota:
        known = self._quotas.get(caller)
        if known is not None and within:
            known.remaining = max(0, known.remaining - 1)
            return known
        item = self._items[caller.by]
        stats = await self._window.get_window_stats(item, caller.by, caller.who)
        quota = Quota(
            policy=caller.by,
            limit=item.amount,
            window=item.get_expiry(),
            remaining=stats.remaining if within else 0,
            resets_at=stats.reset_time,
        )
        self._quotas[caller] = quota
        return quota


def storage(redis: Redis, *, prefix: str = "") -> Storage:
    """Return counters that are kept by the client's connections, in keys of the gateway's own."""
    return RedisStorage(
        "async+redis://localhost:6379",  # must be there, and counts for nothing beside the pool
        wrap_exceptions=True,
        key_prefix=f"{prefix}gateway:limits",
        implementation="redispy",
        connection_pool=redis.connection_pool,  # type: ignore[arg-type]  # its hint forgets it
    )
