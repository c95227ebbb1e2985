"""Forgets what nobody needs any more: old rows of outbox, inbox and idempotency keys."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_shared.stores.postgres import is_temporary, transaction

Purge = Callable[[AsyncConnection], Awaitable[int]]
_log = structlog.get_logger(__name__)


async def run(engine: AsyncEngine, *purges: Purge, seconds: float = 60) -> None:
    """Run the purges, each in a transaction of its own, every so often until cancelled."""
    while True:
        for purge in purges:
            try:
                async with transaction(engine) as connection:
                    rows = await purge(connection)
            except Exception as error:
                if not is_temporary(error):
                    raise
                _log.warning("cannot purge", purge=purge.__module__, error=repr(error))
            else:
                _log.debug("purged", purge=purge.__module__, rows=rows)
        await asyncio.sleep(seconds)
