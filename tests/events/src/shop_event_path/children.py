"""Consumers as processes of their own, which tests may kill."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from shop_event_path.outboxes import Outbox

Spawn = Callable[..., Awaitable[asyncio.subprocess.Process]]


@asynccontextmanager
async def consumers(outbox: Outbox, *, group: str) -> AsyncIterator[Spawn]:
    """Start consumers of the outbox's topic, writing in its database; all end with the context."""
    started: list[asyncio.subprocess.Process] = []
    settings = outbox.settings
    assert settings.database_url is not None
    environment = {
        **os.environ,
        "SERVICE_NAME": "ledger",
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
    }

    async def spawn(*options: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", "--", sys.executable),
            *("-m", "shop_event_path.consumer", group, outbox.topic, *options),
            env=environment,
        )
        started.append(process)
        return process

    try:
        yield spawn
    finally:
        for process in started:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.wait()


async def killed_itself(process: asyncio.subprocess.Process) -> None:
    """Wait until the process has killed itself; raises where it ended otherwise."""
    async with asyncio.timeout(180):
        code = await process.wait()
    if code != -signal.SIGKILL:
        raise RuntimeError(f"the consumer ended with {code}, not by SIGKILL")
