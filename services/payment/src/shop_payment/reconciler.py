"""Closes gaps: asks a provider about what has been silent too long, and forgets what is old.

A webhook may never come and a provider may settle late; nothing here trusts that it was told.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_payment import repository
from shop_payment.domain import OPEN, Call, RefundStatus
from shop_payment.provider_calls import queue
from shop_payment.settings import Settings
from shop_payment.tables import payments, provider_calls
from shop_shared.http import idempotency
from shop_shared.messaging import inbox, outbox
from shop_shared.stores.postgres import is_temporary, transaction

BATCH = 100
KEEP_CALLS = timedelta(days=14)
_log = structlog.get_logger(__name__)


async def run(engine: AsyncEngine, settings: Settings) -> None:
    """Reconcile every interval, for as long as the process lives."""
    silent_for = timedelta(seconds=settings.reconcile_after_seconds)
    while True:
        try:
            async with transaction(engine) as connection:
                asked = await reconcile(connection, silent_for=silent_for)
            if asked:
                _log.info("silent payments asked after", count=asked)
            async with transaction(engine) as connection:
                await _forget(connection)
        except Exception as error:
            if not is_temporary(error):
                raise
            _log.warning("cannot reconcile", error=repr(error))
        await asyncio.sleep(settings.reconcile_seconds)


async def reconcile(connection: AsyncConnection, *, silent_for: timedelta) -> int:
    """Want a look at each unsettled payment that nothing was heard of; return how many."""
    silent: list[UUID] = list(
        (
            await connection.execute(
                sa.select(payments.c.id)
                .where(
                    payments.c.status.in_(["pending", "action_required", "refunding"]),
                    payments.c.updated_at < sa.func.now() - silent_for,
                    ~sa.exists().where(
                        provider_calls.c.payment_id == payments.c.id,
                        provider_calls.c.state == "open",
                    ),
                )
                .order_by(payments.c.updated_at)
                .limit(BATCH)
                .with_for_update(skip_locked=True)
            )
        ).scalars()
    )
    for payment_id in silent:
        payment = await repository.lock(connection, payment_id)
        if payment is None:
            continue
        if payment.status in OPEN:
            await queue.enqueue(connection, payment, Call.FETCH)
        for refund in payment.refunds:
            if refund.status is RefundStatus.PENDING:
                await queue.enqueue(connection, payment, Call.REFUND, refund_id=refund.id)
        # Asked now: the next look is as far away again.
        await connection.execute(
            sa.update(payments).where(payments.c.id == payment_id).values(updated_at=sa.func.now())
        )
    return len(silent)


async def _forget(connection: AsyncConnection) -> None:
    await outbox.purge(connection)
    await inbox.purge(connection)
    await idempotency.purge(connection)
    await queue.purge(connection, keep=KEEP_CALLS)
