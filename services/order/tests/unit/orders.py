"""An order as it stands in each status, and messages that move it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from shop_order.domain import (
    DeadlinePassed,
    InventoryReserved,
    Line,
    Order,
    PaymentCaptured,
    PaymentRefunded,
    Status,
)
from shop_shared.money import Money

PLACED = datetime(2026, 1, 1, 12, tzinfo=UTC)
DEADLINE = PLACED + timedelta(minutes=15)
TOTAL = Money(1998, "USD")
PRODUCT = UUID(int=7)
PRICED = (Line(PRODUCT, 2, sku="MUG", name="Mug", unit_price=Money(999, "USD")),)
RESERVED = InventoryReserved(PRICED, TOTAL, DEADLINE)
CAPTURED = PaymentCaptured(TOTAL)
FULL = PaymentRefunded(TOTAL, full=True)
LATE = DeadlinePassed(DEADLINE)


def order(status: Status) -> Order:  # noqa: PLR0911 - a return a kind of status
    """Return an order as it stands in that status on the usual way there."""
    pending = Order(
        id=UUID(int=1),
        number="MS-7K3Q-9F25",
        customer_id=UUID(int=2),
        lines=(Line(PRODUCT, 2),),
        payment={"provider": "stripe", "method": "card", "currency": "USD"},
        shipping_address={"line1": "1 Main Street"},
        placed_at=PLACED,
        deadline=DEADLINE,
    )
    reserved = replace(pending, status=Status.RESERVED, lines=PRICED, total=TOTAL)
    captured = replace(reserved, captured=TOTAL, deadline=None)
    match status:
        case Status.PENDING:
            return pending
        case Status.RESERVED:
            return reserved
        case Status.CANCELLING:
            return replace(captured, status=status, cancel_reason="customer")
        case Status.PAID | Status.SHIPPED | Status.DELIVERED:
            return replace(captured, status=status)
        case Status.REFUNDED:
            return replace(captured, status=status, refunded_amount=TOTAL.amount)
        case Status.REJECTED:
            return replace(pending, status=status, deadline=None)
        case _:
            return replace(reserved, status=status, deadline=None)
