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
    port = place.port()
    await place.spawn(
        [
            program,
            "--bind",
            "127.0.0.1",
            "--port",
            str(port),
            "--requirepass",
            PASSWORD,
            "--save",
            "",
            "--appendonly",
            "no",
            "--databases",
            str(DATABASES),
        ],
    )
    url = f"redis://:{PASSWORD}@127.0.0.1:{port}"

    async def probe() -> None:
        async with Redis.from_url(url) as client:
            await client.ping()

    await place.listening(port)
    await place.ready(probe)
    return {"url": url}
