"""Which payments a person has to look at, and which no longer."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_payment.domain import RefundStatus, Status
from shop_payment.tables import duplicate_charges, payments, refunds
from shop_shared.clock import now

NO_ANSWER = timedelta(minutes=15)
"""After which a payment whose provider has not answered needs a person."""
_IS_OF_A_WRONG_AMOUNT = payments.c.failure_reason == "amount_mismatch"


def ids_needing_attention() -> sa.CompoundSelect[tuple[UUID]]:
    """Select the payments of a wrong amount, with money that was not returned, or no answer."""
    open_since = now() - NO_ANSWER
    return sa.union_all(
        sa.select(payments.c.id).where(_IS_OF_A_WRONG_AMOUNT, payments.c.settled_at.is_(None)),
        sa.select(refunds.c.payment_id)
        .join(payments, payments.c.id == refunds.c.payment_id)
        # Whatever failed, all of the money is back by another refund, or just this.
        .where(
            refunds.c.status == RefundStatus.FAILED,
            payments.c.status != Status.REFUNDED,
            _made_since() < 1,
        ),
        sa.select(duplicate_charges.c.payment_id).where(
            duplicate_charges.c.status == RefundStatus.FAILED
        ),
        sa.select(payments.c.id).where(
            payments.c.status.in_([Status.PENDING, Status.REFUNDING]),
            payments.c.updated_at < open_since,
        ),
    )


async def settle(connection: AsyncConnection, payment_id: UUID) -> bool:
    """Note that money of another amount needs nobody any more; False where none was paid.

    Doing it twice keeps the first time.
    """
    settled_at = sa.func.coalesce(payments.c.settled_at, now())
    noted = sa.update(payments).values(settled_at=settled_at)
    result = await connection.execute(
        noted.where(payments.c.id == payment_id, _IS_OF_A_WRONG_AMOUNT)
    )
    return bool(result.rowcount)


def _made_since() -> sa.ColumnElement[int]:
    """Count the later refunds of a failed one's amount that are left to stand for it.

    A return's own stands for that return alone, and where it failed, it needs one for itself; what
    staff ask for again and again is one.
    """
    later = refunds.alias()
    is_of_a_return = later.c.reason == "return"
    is_made = sa.and_(later.c.status == RefundStatus.SUCCEEDED, ~is_of_a_return)
    needs_one = sa.and_(later.c.status == RefundStatus.FAILED, is_of_a_return)
    left = sa.func.sum(sa.case((is_made, 1), (needs_one, -1), else_=0))
    return (
        sa.select(sa.func.coalesce(left, 0))
        .where(
            later.c.payment_id == refunds.c.payment_id,
            later.c.amount == refunds.c.amount,
            sa.tuple_(later.c.created_at, later.c.id)
            > sa.tuple_(
                sa.func.coalesce(refunds.c.came_back_at, refunds.c.created_at), refunds.c.id
            ),
        )
        .scalar_subquery()
    )
