"""How many orders were placed in the last hours, and for how much: counted by the database."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_order.domain import Status
from shop_order.tables import orders
from shop_shared.clock import now
from shop_shared.http.auth import Principal, permit
from shop_shared.http.engine_state import Engine
from shop_shared.ids import lowest_at
from shop_shared.models import ResponseModel
from shop_shared.money import Currency

router = APIRouter(prefix="/v1/orders/figures", tags=["orders"])
_CLOCK_SKEW = timedelta(minutes=5)


class Sum(ResponseModel):
    """What orders cost together: of many, it may be more than one order's Money can be."""

    amount: int = Field(ge=0, description="In minor units", examples=[1999])
    currency: Currency


class Count(ResponseModel):
    """Orders that are alike: of one hour, status, provider and currency."""

    hour: datetime = Field(description="Its first moment, UTC")
    status: Status = Field(description="As they are now")
    provider: str
    orders: int
    total: Sum | None = Field(description="Of all of them; null until the stock is reserved")


class Figures(ResponseModel):
    """Orders of the last hours, the hour in hand included."""

    since: datetime = Field(description="The first moment of the first hour")
    items: tuple[Count, ...] = Field(description="Oldest hour first; hours without orders lack")


@router.get("")
async def count_orders(
    caller: Annotated[Principal, permit("read", "order")],
    engine: Engine,
    *,
    hours: Annotated[int, Query(ge=1, le=168, description="How many, with the one in hand")] = 24,
    customer_id: Annotated[UUID | None, Query(description="For staff: whose orders")] = None,
) -> Figures:
    """Count the orders of the last hours and add up their totals: one's own; for staff all."""
    since = _first_moment(hours)
    async with engine.connect() as connection:
        rows = await counted(connection, since=since, customer_id=caller.owner_filter(customer_id))
    return Figures(since=since, items=tuple(_count(row) for row in rows))


async def counted(
    connection: AsyncConnection, *, since: datetime, customer_id: UUID | None
) -> Sequence[sa.Row[Any]]:
    """Return rows of `hour, status, provider, currency, orders, amount` (minor units)."""
    hour = sa.func.date_trunc("hour", orders.c.placed_at, "UTC").label("hour")
    provider = orders.c.payment["provider"].astext.label("provider")
    currency = orders.c.total_currency.label("currency")
    groups = (hour, orders.c.status, provider, currency)
    statement = (
        sa.select(
            *groups,
            sa.func.count().label("orders"),
            sa.func.sum(orders.c.total_amount).label("amount"),
        )
        # By the primary key: an order's id tells about when it was placed.
        .where(orders.c.id >= lowest_at(since - _CLOCK_SKEW), orders.c.placed_at >= since)
        .group_by(*groups)
        .order_by(*groups)
    )
    if customer_id is not None:
        statement = statement.where(orders.c.customer_id == customer_id)
    return (await connection.execute(statement)).all()


def _first_moment(hours: int) -> datetime:
    in_hand = now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return in_hand - timedelta(hours=hours - 1)


def _count(row: sa.Row[Any]) -> Count:
    return Count(
        hour=row.hour,
        status=Status(row.status),
        provider=row.provider,
        orders=row.orders,
        total=None if row.currency is None else Sum(amount=int(row.amount), currency=row.currency),
    )
