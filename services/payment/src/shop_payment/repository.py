"""Payments in PostgreSQL: plain statements, each in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_payment.attention import ids_needing_attention
from shop_payment.domain import (
    DuplicateCharge,
    Method,
    Payment,
    Refund,
    RefundStatus,
    Status,
    Total,
)
from shop_payment.tables import duplicate_charges, payments, refunds
from shop_shared.clock import now
from shop_shared.ids import derived
from shop_shared.observability.trace_context import current_traceparent
from shop_shared.stores.pages import newest_first


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A payment and what is kept of it for its readers only."""

    payment: Payment
    row: Any


async def lock_order(connection: AsyncConnection, order_id: UUID) -> Payment:
    """Return the order's newest payment, held until commit; made now if there is none."""
    row = (await connection.execute(_LOCK_ORDER, {"this_order": order_id})).one_or_none()
    if row is None:
        first = Payment(id=derived(order_id, "payment"), order_id=order_id)
        if await insert(connection, first):
            return first
        row = (await connection.execute(_LOCK_ORDER, {"this_order": order_id})).one()
    return await _whole(connection, row)


async def insert(connection: AsyncConnection, payment: Payment) -> bool:
    """Store a new payment; False, and nothing stored, where its order has one already."""
    new = {"id": payment.id, **_columns(payment), "traceparent": current_traceparent()}
    return bool((await connection.execute(_INSERT, new)).rowcount)


async def lock(connection: AsyncConnection, payment_id: UUID) -> Payment | None:
    """Return the payment, held until commit."""
    row = (await connection.execute(_LOCK, {"this_id": payment_id})).one_or_none()
    return None if row is None else await _whole(connection, row)


async def find_at_provider(
    connection: AsyncConnection, provider: str, *, payment_id: UUID | None, reference: str | None
) -> Record | None:
    """Return a provider's payment, by our id of it or else by its own.

    Without its refunds; the row's `awaits_refunds` says whether one has no final answer yet.
    """
    if payment_id is None and reference is None:
        return None
    named = _REFERENCE if payment_id is None else _THIS
    statement = sa.select(payments, _AWAITS_REFUNDS).where(named, payments.c.provider == provider)
    named_by = {"this_reference": reference} if payment_id is None else {"this_id": payment_id}
    row = (await connection.execute(statement, named_by)).first()
    return None if row is None else Record(payment=payment_of(row), row=row)


async def record_dispute(connection: AsyncConnection, payment_id: UUID) -> None:
    """Note that the payer's bank has something to say of a payment."""
    noted = sa.update(payments).where(payments.c.id == payment_id).values(disputed_at=now())
    await connection.execute(noted)


async def with_refunds(connection: AsyncConnection, record: Record) -> Payment:
    """Return a record's payment with its refunds."""
    return await _whole(connection, record.row)


async def save(
    connection: AsyncConnection, before: Payment, after: Payment, **kept: object
) -> None:
    """Write what has changed; `kept` are further columns (action, failure_reason, …)."""
    old, new = _columns(before), _columns(after)
    changed = {name: value for name, value in new.items() if old[name] != value} | kept
    if changed or before.refunds != after.refunds or before.duplicates != after.duplicates:
        await connection.execute(_UPDATE, {"this_id": after.id, "updated_at": now(), **changed})
    for refund in after.refunds:
        if refund not in before.refunds:
            row = asdict(refund) | {"payment_id": after.id}
            was = before.refund(refund.id)
            if was is not None and was.status is RefundStatus.SUCCEEDED:
                row["came_back_at"] = now()
            await _upsert(connection, refunds, row.pop("id"), row)
    for duplicate in after.duplicates:
        if duplicate not in before.duplicates:
            row = {
                "payment_id": after.id,
                "reference": duplicate.reference,
                "amount": duplicate.total.amount,
                "currency": duplicate.total.currency,
                "status": duplicate.status,
                "refund_reference": duplicate.refund_reference,
            }
            await _upsert(connection, duplicate_charges, duplicate.id, row)


async def _upsert(
    connection: AsyncConnection, table: sa.Table, row_id: UUID, row: dict[str, Any]
) -> None:
    statement = pg.insert(table).values(id=row_id, **row)
    await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))


async def find(connection: AsyncConnection, payment_id: UUID) -> Record | None:
    """Return a payment to be read."""
    statement = sa.select(payments).where(payments.c.id == payment_id)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else Record(payment=await _whole(connection, row), row=row)


async def page(  # noqa: PLR0913 - keyword-only, each of its own kind
    connection: AsyncConnection,
    *,
    customer_id: UUID | None,
    order_id: UUID | None,
    needs_attention: bool = False,
    before: UUID | None,
    limit: int,
) -> list[Record]:
    """Return payments, newest first: of a customer and of an order, where they are given.

    With `needs_attention` only those that somebody has to look at.
    """
    statement = newest_first(payments, before=before, limit=limit, customer_id=customer_id)
    if order_id is not None:
        of_order = sa.or_(
            payments.c.order_id == order_id, payments.c.superseded_order_id == order_id
        )
        statement = statement.where(of_order)
    if needs_attention:
        statement = statement.where(payments.c.id.in_(ids_needing_attention()))
    rows = (await connection.execute(statement)).all()
    paid = [row.id for row in rows if row.captured]
    held, second = await _refunds(connection, paid), await _duplicates(connection, paid)
    return [
        Record(payment=payment_of(row, held.get(row.id, ()), second.get(row.id, ())), row=row)
        for row in rows
    ]


def payment_of(
    row: Any,  # noqa: ANN401 - a row's shape is its query's
    held: Sequence[Refund] = (),
    duplicates: Sequence[DuplicateCharge] = (),
) -> Payment:
    """Make the domain's payment of a row."""
    return Payment(
        id=row.id,
        order_id=row.order_id or row.superseded_order_id,
        order_number=row.order_number,
        customer_id=row.customer_id,
        status=Status(row.status),
        method=None
        if row.provider is None
        else Method(
            provider=row.provider,
            name=row.method,
            currency=row.method_currency,
            token=row.token,
        ),
        total=None if row.amount is None else Total(amount=row.amount, currency=row.currency),
        pay_until=row.pay_until,
        reference=row.reference,
        captured=row.captured,
        abandoned=row.abandoned,
        refunds=tuple(held),
        duplicates=tuple(duplicates),
        attempt=row.attempt,
        superseded=row.superseded_order_id is not None,
        wrong_charges=tuple(row.wrong_charges),
    )


async def _whole(connection: AsyncConnection, row: Any) -> Payment:  # noqa: ANN401 - as above
    if row.captured_at is None:  # neither was ever asked for
        return payment_of(row)
    held, second = await _refunds(connection, [row.id]), await _duplicates(connection, [row.id])
    return payment_of(row, held.get(row.id, ()), second.get(row.id, ()))


async def _refunds(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, list[Refund]]:
    found: dict[UUID, list[Refund]] = {}
    if not ids:
        return found
    statement = (
        sa.select(refunds)
        .where(refunds.c.payment_id.in_(ids))
        .order_by(refunds.c.created_at, refunds.c.id)
    )
    for row in await connection.execute(statement):
        found.setdefault(row.payment_id, []).append(
            Refund(
                id=row.id,
                amount=row.amount,
                reason=row.reason,
                status=RefundStatus(row.status),
                reference=row.reference,
                automatic=row.automatic,
                elsewhere=row.elsewhere,
            )
        )
    return found


async def _duplicates(
    connection: AsyncConnection, ids: Sequence[UUID]
) -> dict[UUID, list[DuplicateCharge]]:
    found: dict[UUID, list[DuplicateCharge]] = {}
    if not ids:
        return found
    statement = (
        sa.select(duplicate_charges)
        .where(duplicate_charges.c.payment_id.in_(ids))
        .order_by(duplicate_charges.c.created_at, duplicate_charges.c.id)
    )
    for row in await connection.execute(statement):
        found.setdefault(row.payment_id, []).append(
            DuplicateCharge(
                id=row.id,
                reference=row.reference,
                total=Total(amount=row.amount, currency=row.currency),
                status=RefundStatus(row.status),
                refund_reference=row.refund_reference,
            )
        )
    return found


# Made once: putting a statement together is a good part of what each event costs.
_THIS = payments.c.id == sa.bindparam("this_id", type_=sa.Uuid)
_REFERENCE = payments.c.reference == sa.bindparam("this_reference", type_=sa.Text)
_AWAITS_REFUNDS = sa.or_(
    *(
        sa.exists().where(
            asked.c.payment_id == payments.c.id, asked.c.status == RefundStatus.PENDING
        )
        for asked in (refunds, duplicate_charges)
    )
).label("awaits_refunds")
_INSERT = pg.insert(payments).on_conflict_do_nothing(index_elements=["order_id"])
_UPDATE = sa.update(payments).where(_THIS)
_LOCK = sa.select(payments).where(_THIS).with_for_update()
_LOCK_ORDER = (
    sa.select(payments)
    .where(payments.c.order_id == sa.bindparam("this_order", type_=sa.Uuid))
    .with_for_update()
)


_TO_BE_CHARGED = frozenset({Status.WAITING, Status.PENDING})


def _columns(payment: Payment) -> dict[str, Any]:
    method, total = payment.method, payment.total
    return {
        "order_id": None if payment.superseded else payment.order_id,
        "superseded_order_id": payment.order_id if payment.superseded else None,
        "attempt": payment.attempt,
        "order_number": payment.order_number,
        "customer_id": payment.customer_id,
        "status": payment.status,
        "provider": method.provider if method else None,
        "method": method.name if method else None,
        "method_currency": method.currency if method else None,
        # Of a stored card: nobody needs it once the charge was made.
        "token": method.token if method and payment.status in _TO_BE_CHARGED else None,
        "amount": total.amount if total else None,
        "currency": total.currency if total else None,
        "pay_until": payment.pay_until,
        "reference": payment.reference,
        "captured": payment.captured,
        "abandoned": payment.abandoned,
        "wrong_charges": list(payment.wrong_charges),
    }
