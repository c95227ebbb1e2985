"""Wakes the workers at the commit that wants a call: PostgreSQL's LISTEN, in its own connection."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import asyncpg
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_payment.calls import CHANNEL
from shop_payment.worker import ProviderWorker
from shop_shared.database import is_temporary

RETRY_SECONDS = 1.0
_log = structlog.get_logger(__name__)


async def run(engine: AsyncEngine, workers: Mapping[str, ProviderWorker]) -> None:
    """Listen until cancelled. While the connection is lost, the workers poll."""
    while True:
        try:
            await _listen(engine, workers)
        except Exception as error:
            if not is_temporary(error):
                raise
            _log.warning("not listening for provider calls", error=repr(error))
        await asyncio.sleep(RETRY_SECONDS)


async def _listen(engine: AsyncEngine, workers: Mapping[str, ProviderWorker]) -> None:
    def wake(_connection: object, _pid: int, _channel: str, provider: object) -> None:
        worker = workers.get(str(provider))
        if worker is not None:
            worker.wake()

    lost = asyncio.Event()
    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        if not isinstance(driver, asyncpg.Connection):
            raise TypeError(f"not asyncpg: {driver!r}")
        driver.add_termination_listener(lambda _: lost.set())
        await driver.add_listener(CHANNEL, wake)
        try:
            for worker in workers.values():  # for what came while nobody listened
                worker.wake()
            await lost.wait()
        finally:
            if not driver.is_closed():
                await driver.remove_listener(CHANNEL, wake)
