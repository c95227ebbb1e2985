"""Deletes what has had its day: old codes, and events that Kafka has long since."""

import asyncio

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared import inbox, outbox
from shop_shared.database import is_temporary, transaction
from shop_user.repository import codes

_INTERVAL_S = 600
_log = structlog.get_logger(__name__)


async def run(engine: AsyncEngine) -> None:
    """Clean up every ten minutes, for as long as the process lives."""
    while True:
        try:
            async with transaction(engine) as connection:
                await codes.purge(connection)
                await outbox.purge(connection)
                await inbox.purge(connection)
        except Exception as error:
            if not is_temporary(error):
                raise
            _log.warning("cannot clean up", error=repr(error))
        await asyncio.sleep(_INTERVAL_S)
