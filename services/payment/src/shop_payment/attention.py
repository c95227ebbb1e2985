"""Which payments a person has to look at."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from shop_payment.domain import RefundStatus, Status
from shop_payment.tables import duplicate_charges, payments, refunds
from shop_shared.clock import now

NO_ANSWER = timedelta(minutes=15)
"""After which a payment whose provider has not answered needs a person."""


def ids_needing_attention() -> sa.CompoundSelect[tuple[UUID]]:
    """Select the payments of a wrong amount, with money that was not returned, or no answer."""
    open_since = now() - NO_ANSWER
    return sa.union_all(
        sa.select(payments.c.id).where(payments.c.failure_reason == "amount_mismatch"),
        sa.select(refunds.c.payment_id)
        .join(payments, payments.c.id == refunds.c.payment_id)
        # Whatever failed, all of the money is back by another refund.
        .where(refunds.c.status == RefundStatus.FAILED, payments.c.status != Status.REFUNDED),
        sa.select(duplicate_charges.c.payment_id).where(
            duplicate_charges.c.status == RefundStatus.FAILED
        ),
        sa.select(payments.c.id).where(
            payments.c.status.in_([Status.PENDING, Status.REFUNDING]),
            payments.c.updated_at < open_since,
        ),
    )
