"""PostgreSQL from Debian, ready for logical decoding, with a password for everybody."""

import signal
from pathlib import Path

import asyncpg

from shop_servers.instance import Facts, ServerInstance
from shop_servers.packages import debian

USER = "postgres"  # initdb refuses root
PASSWORD = "postgres"


async def start(instance: ServerInstance) -> Facts:
    """Start PostgreSQL; `url` is the superuser's."""
    binaries = await _binaries()
    data = instance.make_directory("data", user=USER)
    if not (data / "PG_VERSION").exists():
        password = instance.directory / "password"
        password.write_text(PASSWORD)
        options = ["--auth=scram-sha-256", f"--pwfile={password}"]
        options += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        await instance.run([binaries / "initdb", "-D", data, "-U", USER, *options], user=USER)
    instance.stop_with = signal.SIGQUIT  # a killed one leaves shared memory behind
    await instance.spawn([binaries / "postgres", "-D", data, *flags(instance)], user=USER)
    return await ready(instance)


def flags(instance: ServerInstance) -> list[str]:
    """What is set on the command line."""
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": instance.port(),
        "unix_socket_directories": "",
        "wal_level": "logical",
        "max_connections": 300,
        "max_replication_slots": 100,
        "max_wal_senders": 100,
        "max_slot_wal_keep_size": "512MB",
        "shared_buffers": "128MB",
        # In the data folder, so that nothing stays in /dev/shm after a kill.
        "dynamic_shared_memory_type": "mmap",
        "fsync": "on" if instance.durable else "off",
        "full_page_writes": "on" if instance.durable else "off",
    }
    return [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]


async def ready(instance: ServerInstance) -> Facts:
    """Wait for it."""
    port = instance.port()
    url = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/postgres"

    async def probe() -> None:
        await (await asyncpg.connect(url)).close()

    await instance.listening(port)
    await instance.ready(probe)
    return {"url": url}


async def _binaries() -> Path:
    # Debian keeps these off PATH, one folder a version.
    def newest() -> Path | None:
        found = Path("/usr/lib/postgresql").glob("*/bin")
        return max(found, key=lambda path: int(path.parent.name), default=None)

    binaries = newest()
    if binaries is None:
        await debian("postgresql", "pg_ctlcluster")
        binaries = newest()
    assert binaries is not None
    return binaries
