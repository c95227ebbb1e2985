"""Redis from Debian, without persistence, with a password as on the platform."""

from redis.asyncio import Redis

from shop_servers.instance import Facts, ServerInstance
from shop_servers.packages import debian

PASSWORD = "redis"
DATABASES = 10000


async def start(instance: ServerInstance) -> Facts:
    """Start Redis; `url` is without a database number."""
    program = await debian("redis-server", "redis-server")
    instance.make_directory()
    await instance.spawn([program, *flags(instance)])
    return await ready(instance)


def flags(instance: ServerInstance) -> list[str]:
    """What is set on the command line."""
    settings = {
        "bind": "127.0.0.1",
        "port": str(instance.port()),
        "requirepass": PASSWORD,
        "save": "",
        "appendonly": "no",
        "databases": str(DATABASES),
    }
    return [word for key, value in settings.items() for word in (f"--{key}", value)]


async def ready(instance: ServerInstance) -> Facts:
    """Wait for it."""
    port = instance.port()
    url = f"redis://:{PASSWORD}@127.0.0.1:{port}"

    async def probe() -> None:
        async with Redis.from_url(url) as client:
            await client.ping()

    await instance.listening(port)
    await instance.ready(probe)
    return {"url": url}
