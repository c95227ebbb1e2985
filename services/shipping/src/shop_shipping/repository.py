"""Shipments in PostgreSQL: plain statements, each in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared.observability.trace_context import current_traceparent
from shop_shared.stores.durable_work import WorkTable
from shop_shared.stores.pages import newest_first
from shop_shipping.domain import Failure, Progress, Shipment, Status
from shop_shipping.tables import shipment_progress, shipments

CALLS = WorkTable(
    shipments,
    name="shipment_calls",  # a trigger sends its NOTIFYs
    is_open=lambda rows: rows.c.call_at.is_not(None),
    due_at="call_at",
    attempts="call_attempts",
)


@dataclass(frozen=True, slots=True)
class Intent:
    """When the carrier is to be called, and how often it was in vain; never, when `at` is None.

    Whoever changes a shipment resets the attempts, which takes its call from a worker in hand.
    """

    at: datetime | None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Claimed:
    """A shipment whose call is this worker's for a while; `attempts` in a row count this one."""

    shipment: Shipment
    attempts: int
    traceparent: str | None


async def insert(connection: AsyncConnection, shipment: Shipment, intent: Intent) -> bool:
    """Store a new shipment; False, and nothing stored, where the order has one."""
    inserted = await connection.execute(_INSERT, _row(shipment, intent))
    return inserted.one_or_none() is not None


async def save(
    connection: AsyncConnection,
    shipment: Shipment,
    intent: Intent,
    *,
    steps: Sequence[Progress] = (),
    source: str,
) -> None:
    """Store a shipment's next version and the steps it took. The caller holds its lock."""
    await connection.execute(
        _UPDATE,
        _row(shipment, intent)
        | {
            "statuses": [step.status for step in steps],
            "locations": [step.location for step in steps],
            "reasons": [step.failure for step in steps],
            "times": [step.at for step in steps],
            "source": source,
        },
    )


async def intend(connection: AsyncConnection, shipment_id: UUID, intent: Intent) -> None:
    """Change when the carrier is to be called, and nothing else."""
    await connection.execute(
        _INTEND, {"key": shipment_id, "call_at": intent.at, "call_attempts": intent.attempts}
    )


async def claim(connection: AsyncConnection, *, lease: timedelta, limit: int) -> list[Claimed]:
    """Take the calls that are due; others get them when the lease ends without an answer."""
    rows = await CALLS.claim(connection, lease=lease, limit=limit)
    return [Claimed(_shipment(row), row.call_attempts, row.traceparent) for row in rows]


async def lock_claimed(
    connection: AsyncConnection, claims: Sequence[Claimed]
) -> dict[UUID, Shipment]:
    """Lock the shipments whose calls are still this worker's, in the order of their ids.

    A call is no longer its worker's when the lease has ended and another has it, or when somebody
    has changed the shipment and made it due anew: its attempts begin anew then, its version not.
    """
    held = {claim.shipment.id: (claim.attempts, claim.shipment.version) for claim in claims}
    rows = await connection.execute(_LOCK, {"ids": list(held)})
    return {
        row.id: _shipment(row) for row in rows if (row.call_attempts, row.version) == held[row.id]
    }


async def lock(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, Shipment]:
    """Return the shipments, locked until the transaction ends, in the order of their ids."""
    rows = await connection.execute(_LOCK, {"ids": list(ids)})
    return {row.id: _shipment(row) for row in rows}


async def lock_of_order(connection: AsyncConnection, order_id: UUID) -> Shipment | None:
    """Return an order's shipment, locked until the transaction ends."""
    row = (await connection.execute(_LOCK_OF_ORDER, {"order_id": order_id})).one_or_none()
    return None if row is None else _shipment(row)


async def find(
    connection: AsyncConnection, shipment_id: UUID, *, customer_id: UUID | None
) -> Shipment | None:
    """Return the shipment as it is; with customer_id only if it is that customer's."""
    row = (await connection.execute(_FIND, {"key": shipment_id})).one_or_none()
    if row is None or customer_id not in {None, row.customer_id}:
        return None
    return _shipment(row)


async def find_number(connection: AsyncConnection, tracking_number: str) -> Shipment | None:
    """Return the shipment of a tracking number."""
    row = (await connection.execute(_FIND_NUMBER, {"number": tracking_number})).one_or_none()
    return None if row is None else _shipment(row)


async def page(  # noqa: PLR0913 - keyword-only, each of its own kind
    connection: AsyncConnection,
    *,
    customer_id: UUID | None,
    order_id: UUID | None,
    status: Status | None,
    before: UUID | None,
    limit: int,
) -> list[Shipment]:
    """Return shipments, newest first, created before the one given."""
    query = newest_first(
        shipments,
        before=before,
        limit=limit,
        customer_id=customer_id,
        order_id=order_id,
        status=status,
    )
    return [_shipment(row) for row in await connection.execute(query)]


async def progress(connection: AsyncConnection, shipment_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return the steps of a parcel's way, oldest first."""
    return (await connection.execute(_PROGRESS, {"key": shipment_id})).all()


_FIXED = {"id", "order_id", "order_number", "created_at", "traceparent"}
_COLUMNS = [column for column in shipments.c if column.name not in _FIXED]


def _value(column: sa.Column[Any]) -> sa.BindParameter[Any]:
    # Prefixed: an UPDATE takes a name that is a column's for a value to set.
    return sa.bindparam("new_" + column.name, type_=column.type)


_INSERT = (
    pg.insert(shipments)
    .values({column.name: _value(column) for column in shipments.c})
    .on_conflict_do_nothing(index_elements=["order_id"])
    .returning(shipments.c.id)
)
_CHANGED = (
    sa.update(shipments)
    .where(shipments.c.id == _value(shipments.c.id))
    .values({column.name: _value(column) for column in _COLUMNS})
    .returning(shipments.c.id)
    .cte("changed")
)
_TIME = sa.DateTime(timezone=True)
_STEPS = (
    sa.func.unnest(
        sa.bindparam("statuses", type_=pg.ARRAY(sa.Text)),
        sa.bindparam("locations", type_=pg.ARRAY(sa.Text)),
        sa.bindparam("reasons", type_=pg.ARRAY(sa.Text)),
        sa.bindparam("times", type_=pg.ARRAY(_TIME)),
    )
    .table_valued("status", "location", "reason", "at", with_ordinality="step")
    .render_derived(name="steps")
)
_TAKEN = (
    sa.select(sa.func.coalesce(sa.func.max(shipment_progress.c.seq), 0))
    .where(shipment_progress.c.shipment_id == _value(shipments.c.id))
    .scalar_subquery()
)
_UPDATE = (
    sa.insert(shipment_progress)
    .from_select(
        ["shipment_id", "seq", "status", "location", "reason", "at", "source"],
        sa.select(
            _CHANGED.c.id,
            _TAKEN + _STEPS.c.step,
            _STEPS.c.status,
            _STEPS.c.location,
            _STEPS.c.reason,
            _STEPS.c.at,
            sa.bindparam("source", type_=sa.Text),
        ).select_from(_CHANGED.join(_STEPS, sa.true())),
    )
    .add_cte(_CHANGED)
)
_INTEND = (
    sa.update(shipments)
    .where(shipments.c.id == sa.bindparam("key"))
    .values(call_at=sa.bindparam("call_at"), call_attempts=sa.bindparam("call_attempts"))
)
_LOCK = (
    sa.select(shipments)
    .where(shipments.c.id == sa.any_(sa.bindparam("ids", type_=pg.ARRAY(sa.Uuid))))
    .order_by(shipments.c.id)
    .with_for_update()
)
_LOCK_OF_ORDER = (
    sa.select(shipments).where(shipments.c.order_id == sa.bindparam("order_id")).with_for_update()
)
_FIND = sa.select(shipments).where(shipments.c.id == sa.bindparam("key"))
_FIND_NUMBER = sa.select(shipments).where(shipments.c.tracking_number == sa.bindparam("number"))
_PROGRESS = (
    sa.select(shipment_progress)
    .where(shipment_progress.c.shipment_id == sa.bindparam("key"))
    .order_by(shipment_progress.c.seq)
)


def _row(shipment: Shipment, intent: Intent) -> dict[str, Any]:
    return {
        "new_id": shipment.id,
        "new_order_id": shipment.order_id,
        "new_order_number": shipment.order_number,
        "new_customer_id": shipment.customer_id,
        "new_tracking_number": shipment.tracking_number,
        "new_carrier": shipment.carrier,
        "new_address": shipment.address,
        "new_status": shipment.status,
        "new_version": shipment.version,
        "new_booked_at": shipment.booked_at,
        "new_stop_asked": shipment.stop_asked,
        "new_scanned_at": shipment.scanned_at,
        "new_location": shipment.location,
        "new_failure": shipment.failure,
        "new_created_at": shipment.created_at,
        "new_call_at": intent.at,
        "new_call_attempts": intent.attempts,
        "new_traceparent": current_traceparent(),
    }


def _shipment(row: sa.Row[Any]) -> Shipment:
    return Shipment(
        id=row.id,
        order_id=row.order_id,
        order_number=row.order_number,
        customer_id=row.customer_id,
        tracking_number=row.tracking_number,
        carrier=row.carrier,
        address=row.address,
        created_at=row.created_at,
        status=Status(row.status),
        version=row.version,
        booked_at=row.booked_at,
        stop_asked=row.stop_asked,
        scanned_at=row.scanned_at,
        location=row.location,
        failure=None if row.failure is None else Failure(row.failure),
    )
