"""Redis from Debian, without persistence, with a password as on the platform."""

from redis.asyncio import Redis

from shop_servers.packages import debian
from shop_servers.place import Facts, Place

PASSWORD = "redis"
DATABASES = 10000


async def start(place: Place) -> Facts:
    """Start Redis; `url` is without a database number."""
    program = await debian("redis-server", "redis-server")
    place.make_directory()
    await place.spawn([program, *flags(place)])
    return await ready(place)


def flags(place: Place) -> list[str]:
    """What is set on the command line."""
    settings = {
        "bind": "127.0.0.1",
        "port": str(place.port()),
        "requirepass": PASSWORD,
        "save": "",
        "appendonly": "no",
        "databases": str(DATABASES),
    }
    return [word for key, value in settings.items() for word in (f"--{key}", value)]


async def ready(place: Place) -> Facts:
    """Wait for it."""
    port = place.port()
    url = f"redis://:{PASSWORD}@127.0.0.1:{port}"

    async def probe() -> None:
        async with Redis.from_url(url) as client:
            await client.ping()

    await place.listening(port)
    await place.ready(probe)
    return {"url": url}
