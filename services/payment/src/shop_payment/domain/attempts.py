"""Another way to pay for an order, in place of one that failed."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from shop_payment.domain.decide import decide
from shop_payment.domain.effects import Transition
from shop_payment.domain.messages import OrderPlaced, Superseded
from shop_payment.domain.payment import Method, Payment


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """What a retry makes of the attempt that failed, and the fresh one with its first effects."""

    failed: Transition
    fresh: Payment
    started: Transition


def retry(failed: Payment, *, attempt: int, payment_id: UUID, method: Method) -> Retry | None:
    """Start the attempt of that number under an id of its own, once.

    None where it has been started already, the order is closed, or the attempt before has brought
    the money after all.
    """
    if attempt != failed.attempt + 1 or not failed.can_be_superseded or failed.customer_id is None:
        return None
    fresh = Payment(
        id=payment_id,
        order_id=failed.order_id,
        attempt=attempt,
        total=failed.total,
        pay_until=failed.pay_until,
    )
    placed = OrderPlaced(
        customer_id=failed.customer_id, method=method, order_number=failed.order_number
    )
    return Retry(failed=decide(failed, Superseded()), fresh=fresh, started=decide(fresh, placed))
