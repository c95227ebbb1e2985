"""Carries due messages from PostgreSQL to their queues, and finds those that got lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_notification.queues import Broker, work_queue
from shop_notification.repository import sending
from shop_notification.settings import Settings
from shop_shared.stores.postgres import is_temporary, transaction

BATCH = 100
_log = structlog.get_logger(__name__)


async def run(engine: AsyncEngine, settings: Settings, broker: Broker) -> None:
    """Relay every interval, until the connection is lost or the process ends."""
    lease = timedelta(seconds=settings.lease_seconds)
    lost_after = timedelta(seconds=settings.lost_after_seconds)
    while True:
        try:
            async with transaction(engine) as connection:
                lost = await sending.requeue_lost(connection, lease=lease, lost_after=lost_after)
            if lost:
                _log.warning("messages queued again", count=lost)
            while await relay(engine, broker) == BATCH:
                pass
        except Exception as error:
            if not is_temporary(error):
                raise
            _log.warning("cannot relay", error=repr(error))
        await asyncio.sleep(settings.relay_interval_seconds)


async def relay(engine: AsyncEngine, broker: Broker) -> int:
    """Queue what is due and return how many.

    The rows stay held until the broker has confirmed all; if it does not, nothing has happened, and
    what it did get is recognised by the sender, which asks PostgreSQL before it sends.
    """
    async with transaction(engine) as connection:
        rows = await sending.due(connection, limit=BATCH)
        if rows:
            await asyncio.gather(
                *(
                    broker.queue(work_queue(row.channel), row.id, traceparent=row.traceparent)
                    for row in rows
                )
            )
            await sending.mark(connection, [row.id for row in rows], "queued")
    return len(rows)
