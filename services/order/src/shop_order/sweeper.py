"""Expires orders that have waited too long. Any number of replicas may sweep at once."""

from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine

from shop_order import service
from shop_order.settings import Settings
from shop_shared.background import every
from shop_shared.clock import now
from shop_shared.stores.postgres import is_temporary, transaction

BATCH = 100
"""Orders that one transaction locks at most."""


async def run(engine: AsyncEngine, settings: Settings) -> None:
    """Sweep every interval, for as long as the process lives."""
    seconds = settings.sweep_interval_seconds
    await every(seconds, partial(sweep, engine), is_temporary=is_temporary)


async def sweep(engine: AsyncEngine) -> None:
    """Expire every order whose deadline has passed."""
    full = True
    while full:
        async with transaction(engine) as connection:
            full = await service.sweep(connection, at=now(), limit=BATCH) == BATCH
