"""Carries due messages to their queues, and again those that a queue or a sender has lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_notification.queues import Broker, work_queue
from shop_notification.repository.sending import MESSAGES
from shop_notification.settings import Settings
from shop_shared.background import WakeSignal, every
from shop_shared.stores.postgres import is_temporary, transaction

BATCH = 100
MAX_BACKOFF = 5.0
"""Seconds."""


async def run(engine: AsyncEngine, settings: Settings, broker: Broker, signal: WakeSignal) -> None:
    """Relay when woken and every interval, until the connection is lost or the process ends."""
    lost_after = timedelta(seconds=settings.lost_after_seconds)
    work = partial(_relay_all, engine, broker, lost_after=lost_after)
    interval = settings.relay_interval_seconds
    await every(interval, work, is_temporary=is_temporary, most=MAX_BACKOFF, pause=signal.wait)


async def relay(engine: AsyncEngine, broker: Broker, *, lost_after: timedelta) -> int:
    """Queue what is due and return how many.

    The rows stay held until the broker has confirmed all; if it does not, nothing has happened, and
    what it did get is recognised by the sender, which asks PostgreSQL before it sends.
    """
    async with transaction(engine) as connection:
        rows = await MESSAGES.claim(connection, limit=BATCH, lease=lost_after, rows=_RELAYED)
        await asyncio.gather(
            *(
                broker.queue(work_queue(row.channel), row.id, traceparent=row.traceparent)
                for row in rows
            )
        )
    return len(rows)


async def _relay_all(engine: AsyncEngine, broker: Broker, *, lost_after: timedelta) -> None:
    while await relay(engine, broker, lost_after=lost_after) == BATCH:
        pass


_message = MESSAGES.claimed.c
_RELAYED = sa.select(_message.id, _message.channel, _message.traceparent)
