"""Orders in PostgreSQL: plain statements, each in the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_order.domain import Line, Order, PaymentFailure, Status
from shop_order.tables import order_history, orders
from shop_shared.clock import now
from shop_shared.money import Money
from shop_shared.observability.trace_context import current_trace_id
from shop_shared.stores.pages import newest_first


@dataclass(frozen=True, slots=True)
class Cause:
    """What made an order change: an event, a request or the clock."""

    name: str
    event_id: str | None = None
    actor: UUID | None = None


async def insert(connection: AsyncConnection, order: Order, cause: Cause) -> bool:
    """Store a new order and the first entry of its history, in one statement.

    False, and nothing stored, where another order has its number.
    """
    stored = await connection.execute(_INSERT, _row(order) | _entry(order, None, cause))
    return stored.rowcount == 1


async def save(connection: AsyncConnection, before: Order, after: Order, cause: Cause) -> None:
    """Store an order's next version and its entry in the history, in one statement.

    The caller holds the row's lock (`lock`, `due`).
    """
    await connection.execute(_UPDATE, _row(after) | _entry(after, before.status, cause))


async def lock(connection: AsyncConnection, order_id: UUID) -> Order | None:
    """Return the order, held until the transaction ends."""
    row = (await connection.execute(_LOCK, {"id": order_id})).one_or_none()
    return None if row is None else _order(row)


async def find(
    connection: AsyncConnection, order_id: UUID, *, customer_id: UUID | None
) -> Order | None:
    """Return the order as it is; with customer_id only if it is that customer's."""
    row = (await connection.execute(_FIND, {"id": order_id})).one_or_none()
    if row is None or customer_id not in {None, row.customer_id}:
        return None
    return _order(row)


async def due(connection: AsyncConnection, *, at: datetime, limit: int) -> list[Order]:
    """Return orders whose deadline has passed, held; those that others hold are left to them."""
    rows = await connection.execute(_DUE, {"at": at, "limit": limit})
    return [_order(row) for row in rows]


async def page(  # noqa: PLR0913 - keyword-only, each of its own kind
    connection: AsyncConnection,
    *,
    customer_id: UUID | None,
    status: Status | None,
    number: str | None = None,
    before: UUID | None,
    limit: int,
) -> list[Order]:
    """Return orders, newest first, placed before the one given; by its number there is one."""
    query = newest_first(
        orders, before=before, limit=limit, customer_id=customer_id, status=status, number=number
    )
    return [_order(row) for row in await connection.execute(query)]


async def history(
    connection: AsyncConnection, order_id: UUID, *, after: int = 0
) -> Sequence[sa.Row[Any]]:
    """Return the entries of an order's history that follow `after`, oldest first."""
    return (await connection.execute(_HISTORY, {"id": order_id, "after": after})).all()


async def reached(connection: AsyncConnection, order_id: UUID, status: Status) -> datetime | None:
    """Return when the order first had this status; None if it never had."""
    at: datetime | None = await connection.scalar(
        sa.select(sa.func.min(order_history.c.at)).where(
            order_history.c.order_id == order_id, order_history.c.status == status
        )
    )
    return at


async def versions(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return the current versions of these orders."""
    rows = await connection.execute(_VERSIONS, {"ids": list(ids)})
    return {row.id: row.version for row in rows}


_FIXED = {"id", "number", "customer_id", "placed_at"}
_COLUMNS = [column for column in orders.c if column.name not in _FIXED]
_HISTORY_COLUMNS = [column.name for column in order_history.c if column.name != "order_id"]


def _value(column: sa.Column[Any], prefix: str) -> sa.BindParameter[Any]:
    return sa.bindparam(prefix + column.name, type_=column.type)


# Bind names are prefixed: an UPDATE takes one that is named as a column for a value to set.
def _with_history(change: sa.CTE) -> sa.Insert:
    values = [_value(order_history.c[name], "entry_") for name in _HISTORY_COLUMNS]
    return (
        sa.insert(order_history)
        .from_select(["order_id", *_HISTORY_COLUMNS], sa.select(change.c.id, *values))
        .add_cte(change)
    )


_INSERT = _with_history(
    pg.insert(orders)
    .values({column.name: _value(column, "new_") for column in orders.c})
    .on_conflict_do_nothing(index_elements=["number"])
    .returning(orders.c.id)
    .cte("placed")
)
_UPDATE = _with_history(
    sa.update(orders)
    .where(orders.c.id == _value(orders.c.id, "new_"))
    .values({column.name: _value(column, "new_") for column in _COLUMNS})
    .returning(orders.c.id)
    .cte("changed")
)
_FIND = sa.select(orders).where(orders.c.id == sa.bindparam("id"))
_LOCK = _FIND.with_for_update()
_DUE = (
    sa.select(orders)
    .where(orders.c.deadline <= sa.bindparam("at"))
    .order_by(orders.c.deadline)
    .limit(sa.bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_HISTORY = (
    sa.select(order_history)
    .where(order_history.c.order_id == sa.bindparam("id"))
    .where(order_history.c.seq > sa.bindparam("after"))
    .order_by(order_history.c.seq)
)
_VERSIONS = sa.select(orders.c.id, orders.c.version).where(
    orders.c.id == sa.any_(sa.bindparam("ids", type_=pg.ARRAY(sa.Uuid)))
)


def _row(order: Order) -> dict[str, Any]:
    return {
        "new_id": order.id,
        "new_number": order.number,
        "new_customer_id": order.customer_id,
        "new_status": order.status,
        "new_version": order.version,
        "new_lines": [stored_line(line) for line in order.lines],
        "new_payment": order.payment,
        "new_shipping_address": order.shipping_address,
        "new_total_amount": order.total and order.total.amount,
        "new_total_currency": order.total and order.total.currency,
        "new_captured_amount": order.captured and order.captured.amount,
        "new_captured_currency": order.captured and order.captured.currency,
        "new_refunded_amount": order.refunded_amount,
        "new_cancel_reason": order.cancel_reason,
        "new_tracking_number": order.tracking_number,
        "new_payment_attempt": order.payment_attempt,
        "new_payment_failure": order.payment_failure and asdict(order.payment_failure),
        "new_deadline": order.deadline,
        "new_placed_at": order.placed_at,
    }


def _entry(order: Order, previous: Status | None, cause: Cause) -> dict[str, Any]:
    return {
        "entry_seq": order.version,
        "entry_previous": previous,
        "entry_status": order.status,
        "entry_cause": cause.name,
        "entry_event_id": cause.event_id,
        "entry_actor": cause.actor,
        "entry_reason": order.cancel_reason
        or (order.payment_failure and order.payment_failure.reason),
        "entry_at": now(),
        "entry_trace_id": current_trace_id(),
    }


def _order(row: sa.Row[Any]) -> Order:
    return Order(
        id=row.id,
        number=row.number,
        customer_id=row.customer_id,
        lines=tuple(line_of(line) for line in row.lines),
        payment=row.payment,
        shipping_address=row.shipping_address,
        placed_at=row.placed_at,
        deadline=row.deadline,
        status=Status(row.status),
        version=row.version,
        total=_money(row.total_amount, row.total_currency),
        captured=_money(row.captured_amount, row.captured_currency),
        refunded_amount=row.refunded_amount,
        cancel_reason=row.cancel_reason,
        tracking_number=row.tracking_number,
        payment_attempt=row.payment_attempt,
        payment_failure=None
        if row.payment_failure is None
        else PaymentFailure(**row.payment_failure),
    )


def _money(amount: int | None, currency: str | None) -> Money | None:
    return None if amount is None or currency is None else Money(amount, currency)


def stored_line(line: Line) -> dict[str, Any]:
    """Return what is stored of a line."""
    return {
        "product_id": str(line.product_id),
        "quantity": line.quantity,
        "sku": line.sku,
        "name": line.name,
        "unit_price": line.unit_price and [line.unit_price.amount, line.unit_price.currency],
    }


def line_of(stored: Mapping[str, Any]) -> Line:
    """Return the line of what is stored."""
    price = stored["unit_price"]
    return Line(
        product_id=UUID(stored["product_id"]),
        quantity=stored["quantity"],
        sku=stored["sku"],
        name=stored["name"],
        unit_price=None if price is None else Money(*price),
    )
