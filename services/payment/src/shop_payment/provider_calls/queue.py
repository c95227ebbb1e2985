"""The queue of provider calls: enqueued in a transaction, executed outside of any.

What a claim, a lease and an unknown outcome are is said in `shop_shared.stores.durable_work`. A
payment's calls are executed one at a time, in the order in which they were enqueued. A charge that
ends without anybody knowing whether money was taken is finished as `unknown`; the reconciler asks
after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_payment.domain import Call, Payment, Total
from shop_payment.repository import payment_of
from shop_payment.tables import payments, provider_calls
from shop_shared.ids import uuid7
from shop_shared.stores.durable_work import WorkTable, is_one_of

CALLS = WorkTable(
    provider_calls,
    name="provider_calls",
    is_open=lambda calls: is_one_of(calls.c.state, "open"),
    key="payment_id",
    lane="provider",
    unknown_since="unknown_since",
)
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
    await CALLS.enqueue(
        connection,
        id=uuid7(),
        payment_id=payment.id,
        provider=payment.method.provider,
        call=call,
        refund_id=refund_id,
        claimed_amount=reported_total.amount if reported_total else None,
        claimed_currency=reported_total.currency if reported_total else None,
        reported_reference=reported_reference,
    )


async def claim(
    connection: AsyncConnection, provider: str, *, limit: int, lease: timedelta
) -> list[ProviderCall]:
    """Claim due calls of a provider with the payments they are about."""
    rows = await CALLS.claim(connection, limit=limit, lease=lease, lane=provider, rows=_CLAIMED)
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
    await CALLS.settle(connection, call.id, attempt=call.attempts, state=state, error=error)


async def postpone(
    connection: AsyncConnection, call: ProviderCall, *, delay: timedelta, error: str, unknown: bool
) -> None:
    """Make a call due again after the delay; `unknown` if this attempt may have had an effect."""
    changes = {} if unknown else {"unknown_since": call.unknown_since}
    await CALLS.settle(
        connection, call.id, attempt=call.attempts, again_after=delay, error=error, **changes
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


_of_call = CALLS.claimed.c
_CLAIMED = (
    sa.select(
        _of_call.id.label("call_id"),
        _of_call.call,
        _of_call.refund_id,
        _of_call.claimed_amount,
        _of_call.claimed_currency,
        _of_call.reported_reference,
        _of_call.attempts,
        _of_call.unknown_before,
        payments,
    )
    .join_from(CALLS.claimed, payments, payments.c.id == _of_call.payment_id)
    .order_by(_of_call.id)
)
