"""Returns in PostgreSQL: plain statements, each in the caller's transaction."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_order.domain.returns import Return, ReturnStatus
from shop_order.repository import line_of, stored_line
from shop_order.tables import orders, returns
from shop_shared.clock import now
from shop_shared.money import Money
from shop_shared.stores.pages import newest_first


async def insert(connection: AsyncConnection, returned: Return) -> None:
    """Store a new return."""
    await connection.execute(sa.insert(returns).values(_row(returned)))


async def save(connection: AsyncConnection, returned: Return) -> None:
    """Store a return's next version. The caller holds its order's lock."""
    changed = _row(returned) | {"updated_at": now()}
    await connection.execute(sa.update(returns).where(returns.c.id == returned.id).values(changed))


async def of_order(connection: AsyncConnection, order_id: UUID) -> list[Return]:
    """Return the returns of an order, oldest first. The caller holds the order's lock."""
    query = _SELECT.where(returns.c.order_id == order_id).order_by(returns.c.id)
    return [_return(row) for row in await connection.execute(query)]


async def find(
    connection: AsyncConnection, return_id: UUID, *, customer_id: UUID | None
) -> Return | None:
    """Find a return as it is; with customer_id only if it is that customer's."""
    row = (await connection.execute(_SELECT.where(returns.c.id == return_id))).one_or_none()
    if row is None or customer_id not in {None, row.customer_id}:
        return None
    return _return(row)


async def page(  # noqa: PLR0913 - keyword-only, each of its own kind
    connection: AsyncConnection,
    *,
    customer_id: UUID | None,
    order_id: UUID | None,
    status: ReturnStatus | None,
    before: UUID | None,
    limit: int,
) -> list[Return]:
    """Return returns, newest first, requested before the one given."""
    found = newest_first(
        returns,
        before=before,
        limit=limit,
        customer_id=customer_id,
        order_id=order_id,
        status=status,
    )
    query = found.add_columns(orders.c.number).join(orders, _OF_ORDER)
    return [_return(row) for row in await connection.execute(query)]


_OF_ORDER = orders.c.id == returns.c.order_id
_SELECT = sa.select(returns, orders.c.number).join(orders, _OF_ORDER)


def _row(returned: Return) -> dict[str, Any]:
    return {
        "id": returned.id,
        "order_id": returned.order_id,
        "customer_id": returned.customer_id,
        "status": returned.status,
        "version": returned.version,
        "lines": [stored_line(line) for line in returned.lines],
        "reason": returned.reason,
        "refund_amount": returned.refund.amount,
        "refund_currency": returned.refund.currency,
        "restock": returned.restock,
        "refusal": returned.refusal,
        "settled_by": returned.settled_by,
        "requested_at": returned.requested_at,
    }


def _return(row: sa.Row[Any]) -> Return:
    return Return(
        id=row.id,
        order_id=row.order_id,
        order_number=row.number,
        customer_id=row.customer_id,
        lines=tuple(line_of(line) for line in row.lines),
        reason=row.reason,
        requested_at=row.requested_at,
        refund=Money(row.refund_amount, row.refund_currency),
        status=ReturnStatus(row.status),
        version=row.version,
        restock=row.restock,
        refusal=row.refusal,
        settled_by=row.settled_by,
    )
