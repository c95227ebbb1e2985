"""Ends orders that have waited too long. Any number of replicas may sweep at once."""

import asyncio

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_order import service
from shop_order.settings import Settings
from shop_shared.clock import now
from shop_shared.stores.postgres import is_temporary, transaction

BATCH = 100
_log = structlog.get_logger(__name__)


async def run(engine: AsyncEngine, settings: Settings) -> None:
    """Sweep every interval, for as long as the process lives."""
    while True:
        try:
            await sweep(engine)
        except Exception as error:
            if not is_temporary(error):
                raise
            _log.warning("cannot sweep", error=repr(error))
        await asyncio.sleep(settings.sweep_interval_seconds)


async def sweep(engine: AsyncEngine) -> None:
    """End every order whose deadline has passed, some a transaction."""
    full = True
    while full:
        async with transaction(engine) as connection:
            full = await service.sweep(connection, at=now(), limit=BATCH) == BATCH
