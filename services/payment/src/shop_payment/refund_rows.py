"""Refunds as they are listed, with the payment and order that each is of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_payment.domain import RefundStatus
from shop_payment.tables import payments, refunds


async def page(  # noqa: PLR0913 - keyword-only, each of its own kind
    connection: AsyncConnection,
    *,
    customer_id: UUID | None,
    order_id: UUID | None,
    payment_id: UUID | None,
    status: RefundStatus | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[sa.Row[Any]]:
    """Return refunds, newest first: of a customer, order, payment, status, where they are given."""
    order = sa.func.coalesce(payments.c.order_id, payments.c.superseded_order_id)
    query = sa.select(
        refunds,
        order.label("order_id"),
        payments.c.order_number,
        payments.c.currency,
    ).join(payments, payments.c.id == refunds.c.payment_id)
    if customer_id is not None:
        query = query.where(payments.c.customer_id == customer_id)
    if order_id is not None:
        # Each has an index; an expression of both would have none.
        query = query.where(
            sa.or_(payments.c.order_id == order_id, payments.c.superseded_order_id == order_id)
        )
    if payment_id is not None:
        query = query.where(refunds.c.payment_id == payment_id)
    if status is not None:
        query = query.where(refunds.c.status == status)
    if before is not None:
        query = query.where(sa.tuple_(refunds.c.created_at, refunds.c.id) < sa.tuple_(*before))
    query = query.order_by(refunds.c.created_at.desc(), refunds.c.id.desc()).limit(limit)
    return (await connection.execute(query)).all()
