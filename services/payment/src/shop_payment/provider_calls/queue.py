"""The queue of provider calls: enqueued in a transaction, executed outside of any.

A call is open until it is finished. Claiming one moves its `due_at` past the lease, so a call whose
worker died becomes due again, marked as one whose outcome is unknown. A payment's calls are
executed one at a time, in the order in which they were enqueued. A charge that ends without anybody
knowing whether money was taken is finished as `unknown`; the reconciler asks after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_payment.domain import Call, Payment, Total
from shop_payment.repository import payment_of
from shop_payment.tables import provider_calls
from shop_shared.ids import uuid7

CHANNEL = "provider_calls"
"""PostgreSQL's NOTIFY channel; the payload is the provider's name."""
KEEP_DONE = timedelta(days=14)
KEEP_FAILED = timedelta(days=90)
"""Calls that a person may still ask about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderCall:
    """A claimed call: `attempts` counts this one.

    `reported_total` and `reported_reference` are what a webhook said was paid, by which charge;
    `unknown_since` is set once an earlier attempt may have had an effect. The payment is as it was
    at the claim, without its refunds.
    """

    id: UUID
    payment: Payment
    call: Call
    refund_id: UUID | None
    reported_total: Total | None
    reported_reference: str | None
    unknown_since: datetime | None
    attempts: int
    traceparent: str | None


async def enqueue(  # noqa: PLR0913 - what a call consists of
    connection: AsyncConnection,
    payment: Payment,
    call: Call,
    *,
    refund_id: UUID | None = None,
    reported_total: Total | None = None,
    reported_reference: str | None = None,
) -> None:
    """Enqueue a call; the workers are woken once the transaction is committed."""
    if payment.method is None:
        raise ValueError(f"payment {payment.id} has no provider to call")
    await connection.execute(
        _ENQUEUE,
        {
            "id": uuid7(),
            "payment_id": payment.id,
            "provider": payment.method.provider,
            "call": call,
            "refund_id": refund_id,
            "claimed_amount": reported_total.amount if reported_total else None,
            "claimed_currency": reported_total.currency if reported_total else None,
            "reported_reference": reported_reference,
        },
    )
    await connection.execute(_NOTIFY, {"channel": CHANNEL, "provider": payment.method.provider})


async def claim(
    connection: AsyncConnection, provider: str, *, limit: int, lease: timedelta
) -> list[ProviderCall]:
    """Take due calls of a provider into hand, oldest first; others will not get them meanwhile."""
    rows = await connection.execute(_CLAIM, {"provider": provider, "limit": limit, "lease": lease})
    return [
        ProviderCall(
            id=row.call_id,
            payment=payment_of(row),
            call=Call(row.call),
            refund_id=row.refund_id,
            reported_total=None
            if row.claimed_amount is None
            else Total(amount=row.claimed_amount, currency=row.claimed_currency),
            reported_reference=row.reported_reference,
            unknown_since=row.unknown_before,
            attempts=row.attempts,
            traceparent=row.traceparent,
        )
        for row in rows
    ]


async def finish(
    connection: AsyncConnection,
    call: ProviderCall,
    *,
    error: str | None = None,
    unknown: bool = False,
) -> None:
    """Close a call: done, failed for good with an error, or with an outcome nobody knows."""
    state = "unknown" if unknown else "failed" if error else "done"
    await connection.execute(_UPDATE, {"this_id": call.id, "state": state, "error": error})


async def postpone(
    connection: AsyncConnection, call: ProviderCall, *, delay: timedelta, error: str, unknown: bool
) -> None:
    """Make a call due again after the delay; `unknown` if this attempt may have had an effect."""
    changes: dict[str, Any] = {"due_at": sa.func.now() + delay, "error": error}
    if not unknown:
        changes["unknown_since"] = call.unknown_since
    await connection.execute(
        sa.update(provider_calls).where(provider_calls.c.id == call.id).values(changes)
    )


async def purge(connection: AsyncConnection) -> int:
    """Delete finished calls older than KEEP_DONE or KEEP_FAILED, and return how many."""
    old = [
        sa.and_(
            provider_calls.c.state.in_(states), provider_calls.c.created_at < sa.func.now() - keep
        )
        for states, keep in ((("done",), KEEP_DONE), (("failed", "unknown"), KEEP_FAILED))
    ]
    return (await connection.execute(sa.delete(provider_calls).where(sa.or_(*old)))).rowcount


_ENQUEUE = pg.insert(provider_calls).on_conflict_do_nothing()
_UPDATE = sa.update(provider_calls).where(
    provider_calls.c.id == sa.bindparam("this_id", type_=sa.Uuid)
)
_NOTIFY = sa.text("SELECT pg_notify(:channel, :provider)")

_CLAIM = sa.text("""
    WITH due AS (
        SELECT id, unknown_since FROM provider_calls wanted
        WHERE state = 'open' AND provider = :provider AND due_at <= now()
          AND NOT EXISTS (
              SELECT FROM provider_calls earlier
              WHERE earlier.payment_id = wanted.payment_id AND earlier.state = 'open'
                AND earlier.id < wanted.id)
        ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE provider_calls SET attempts = attempts + 1, due_at = now() + :lease,
               unknown_since = coalesce(provider_calls.unknown_since, now())
        FROM due WHERE provider_calls.id = due.id
        RETURNING provider_calls.id AS call_id, provider_calls.payment_id, call, refund_id,
                  claimed_amount, claimed_currency, attempts, reported_reference,
                  due.unknown_since AS unknown_before
    )
    SELECT taken.call_id, taken.call, taken.refund_id, taken.claimed_amount,
           taken.claimed_currency, taken.attempts, taken.reported_reference,
           taken.unknown_before, payments.*
    FROM taken JOIN payments ON payments.id = taken.payment_id
    ORDER BY taken.call_id
""").bindparams(
    sa.bindparam("provider", type_=sa.Text),
    sa.bindparam("limit", type_=sa.Integer),
    sa.bindparam("lease", type_=sa.Interval),
)
