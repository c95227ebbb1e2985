"""Asks providers about payments that nothing was heard of, and purges what is past its retention.

A webhook may never come and a provider may settle late; nothing here trusts that it was told. Of a
payment that closed while the outcome of its charge was unknown, the provider is asked for a day; of
one that closed with money under way, every hour for ten days.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_payment import repository
from shop_payment.domain import CLOSED_UNPAID, OPEN, Call
from shop_payment.provider_calls import queue
from shop_payment.settings import Settings
from shop_payment.tables import duplicate_charges, payments, provider_calls, webhooks
from shop_shared.background import every
from shop_shared.http import idempotency
from shop_shared.messaging import inbox, outbox
from shop_shared.stores import retention
from shop_shared.stores.postgres import is_temporary, transaction

BATCH = 100
ASK_AFTER_UNKNOWN = timedelta(days=1)
"""Stripe's search lags a minute, and longer in an outage (https://docs.stripe.com/search)."""
ASK_WHILE_UNDER_WAY = timedelta(days=10)
"""PayPal's eChecks take up to six business days."""
UNDER_WAY_SILENT_FOR = timedelta(hours=1)
KEEP_WEBHOOKS = timedelta(days=30)
"""Longer than any provider repeats a webhook (PayPal and Stripe: 3 days)."""
_log = structlog.get_logger(__name__)


async def run(engine: AsyncEngine, settings: Settings) -> None:
    """Reconcile every interval, until cancelled."""
    silent_for = timedelta(seconds=settings.reconcile_after_seconds)
    work = partial(_reconcile, engine, silent_for)
    await every(settings.reconcile_seconds, work, is_temporary=is_temporary)


async def purge(engine: AsyncEngine) -> None:
    """Delete rows past their retention every minute, until cancelled."""
    purges = (outbox.purge, inbox.purge, idempotency.purge, queue.purge, purge_webhooks)
    await retention.run(engine, *purges)


async def purge_webhooks(connection: AsyncConnection) -> int:
    """Delete webhooks older than KEEP_WEBHOOKS and return how many."""
    old = webhooks.c.received_at < sa.func.now() - KEEP_WEBHOOKS
    return (await connection.execute(sa.delete(webhooks).where(old))).rowcount


async def reconcile(connection: AsyncConnection, *, silent_for: timedelta) -> int:
    """Enqueue a look at each unsettled payment without news for that long; return how many."""
    silent: list[UUID] = list(
        (
            await connection.execute(
                sa.select(payments.c.id)
                .where(
                    _UNSETTLED,
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
        await _look(connection, payment_id)
    return len(silent)


async def _reconcile(engine: AsyncEngine, silent_for: timedelta) -> None:
    async with transaction(engine) as connection:
        asked = await reconcile(connection, silent_for=silent_for)
    if asked:
        _log.info("silent payments asked after", count=asked)


async def _look(connection: AsyncConnection, payment_id: UUID) -> None:
    payment = await repository.lock(connection, payment_id)
    if payment is None:
        return
    if payment.status in OPEN | CLOSED_UNPAID:
        await queue.enqueue(connection, payment, Call.FETCH)
    for refund_id in payment.pending_refunds:
        await queue.enqueue(connection, payment, Call.REFUND, refund_id=refund_id)
    # Asked now: the next look is as far away again.
    await connection.execute(
        sa.update(payments).where(payments.c.id == payment_id).values(updated_at=sa.func.now())
    )


def _ended_unknown(call: Call, *, within: timedelta) -> sa.ColumnElement[bool]:
    """Return whether a payment was closed while nobody knew what came of such a call."""
    calls = sa.select(provider_calls.c.payment_id).where(
        provider_calls.c.state == "unknown",
        provider_calls.c.call == call,
        provider_calls.c.created_at > sa.func.now() - within,
    )
    return sa.and_(payments.c.status.in_(["cancelled", "failed"]), payments.c.id.in_(calls))


_UNSETTLED = sa.or_(
    payments.c.status.in_(["pending", "action_required", "refunding"]),
    sa.and_(_ended_unknown(Call.CHARGE, within=ASK_AFTER_UNKNOWN), payments.c.reference.is_(None)),
    sa.and_(
        _ended_unknown(Call.CANCEL, within=ASK_WHILE_UNDER_WAY),
        payments.c.updated_at < sa.func.now() - UNDER_WAY_SILENT_FOR,
    ),
    payments.c.id.in_(
        sa.select(duplicate_charges.c.payment_id).where(duplicate_charges.c.status == "pending")
    ),
)
