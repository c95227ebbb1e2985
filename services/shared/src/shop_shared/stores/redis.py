"""Redis: one client a process, connecting when first used."""

from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError  # noqa: A004 - Redis' own

from shop_shared.settings import ServiceSettings


def create_redis(settings: ServiceSettings, *, decode: bool = False) -> "Redis":
    """Make the client; answers are bytes, or strings with decode.

    Raises ValueError where settings has no `redis_url`.
    """
    if settings.redis_url is None:
        raise ValueError("redis_url is not set")
    return Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_connect_timeout=1.0,
        socket_timeout=2.0,
        # Once more at once, for a connection that was closed while it idled; time-outs add up.
        retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionError,)),
        health_check_interval=30,
        client_name=settings.service_name,
        decode_responses=decode,
    )


def check(redis: "Redis") -> Callable[[], Awaitable[None]]:
    """Return a readiness check (see `health`) that asks Redis for an answer."""

    async def ping() -> None:
        await redis.ping()

    return ping
