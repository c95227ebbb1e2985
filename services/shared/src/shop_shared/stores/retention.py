"""Deletes rows that are past their retention: outbox, inbox, idempotency keys and others."""

from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_shared.background import every
from shop_shared.stores.postgres import is_temporary, transaction

Purge = Callable[[AsyncConnection], Awaitable[int]]
"""Deletes what is old and returns how many rows."""
_log = structlog.get_logger(__name__)


async def run(engine: AsyncEngine, *purges: Purge, seconds: float = 60) -> None:
    """Run every purge each `seconds`, until cancelled."""
    await every(seconds, partial(purge_once, engine, *purges), is_temporary=is_temporary)


async def purge_once(engine: AsyncEngine, *purges: Purge) -> None:
    """Run every purge, each in a transaction of its own; raise the first error after the last."""
    errors: list[Exception] = []
    for purge in purges:
        try:
            async with transaction(engine) as connection:
                rows = await purge(connection)
        except Exception as error:  # noqa: BLE001 - raised below: one purge must not stop the others
            errors.append(error)
        else:
            _log.debug("purged", purge=getattr(purge, "__module__", repr(purge)), rows=rows)
    if errors:
        raise errors[0]
