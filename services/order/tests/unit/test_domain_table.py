"""Every status meets every message, and what becomes of the order is written out."""

from datetime import timedelta

import pytest

from shop_order.domain import (
    CancellationRequested,
    Cancelled,
    CancelOrder,
    Completed,
    Confirmed,
    DeadlinePassed,
    Expired,
    InventoryRejected,
    InventoryReleased,
    Message,
    NotCancellableError,
    PaymentFailed,
    PaymentRefunded,
    RefundFailed,
    ShipmentCreated,
    ShipmentDelivered,
    ShipmentFailed,
    ShipmentMoved,
    Status,
    decide,
)
from shop_shared.money import Money

from .orders import CAPTURED, DEADLINE, FULL, LATE, RESERVED, order

PARTIAL = PaymentRefunded(Money(500, "USD"), full=False)
CAME_BACK = RefundFailed(Money(0, "USD"))
EARLY = DeadlinePassed(DEADLINE - timedelta(microseconds=1))
MESSAGES: list[Message] = [
    RESERVED,
    InventoryRejected("out_of_stock"),
    InventoryReleased(),
    CAPTURED,
    PaymentFailed("declined"),
    PaymentFailed("expired"),
    PARTIAL,
    FULL,
    CAME_BACK,
    ShipmentCreated("MSX"),
    ShipmentMoved(),
    ShipmentDelivered(),
    ShipmentFailed("refused"),
    ShipmentFailed("lost"),
    ShipmentFailed("cancelled"),
    CancelOrder(),
    EARLY,
    LATE,
]

# What a message makes of an order, where it makes anything: the next status and what is decided.
STOP = (Status.CANCELLING, (CancellationRequested(),))


def ended(status: Status, reason: str, *, refund: bool = False, restock: bool = False) -> object:
    return status, (Cancelled(reason, refund=refund, restock=restock),)


MEANS: dict[tuple[Status, Message], object] = {
    (Status.PENDING, RESERVED): (Status.RESERVED, ()),
    (Status.PENDING, MESSAGES[1]): ended(Status.REJECTED, "out_of_stock"),
    (Status.PENDING, CAPTURED): (Status.PENDING, ()),
    (Status.PENDING, MESSAGES[4]): ended(Status.CANCELLED, "payment_failed"),
    (Status.PENDING, MESSAGES[5]): ended(Status.CANCELLED, "payment_expired"),
    (Status.PENDING, PARTIAL): (Status.PENDING, ()),
    (Status.PENDING, FULL): ended(Status.REFUNDED, "refunded"),
    (Status.PENDING, CancelOrder()): ended(Status.CANCELLED, "customer"),
    (Status.PENDING, LATE): ended(Status.CANCELLED, "reservation_timeout"),
    (Status.RESERVED, MESSAGES[1]): ended(Status.REJECTED, "out_of_stock"),
    (Status.RESERVED, InventoryReleased()): (Status.EXPIRED, (Expired(),)),
    (Status.RESERVED, CAPTURED): (Status.PAID, (Confirmed(),)),
    (Status.RESERVED, MESSAGES[4]): ended(Status.CANCELLED, "payment_failed"),
    (Status.RESERVED, MESSAGES[5]): ended(Status.CANCELLED, "payment_expired"),
    (Status.RESERVED, PARTIAL): (Status.RESERVED, ()),
    (Status.RESERVED, FULL): ended(Status.REFUNDED, "refunded"),
    (Status.RESERVED, CancelOrder()): ended(Status.CANCELLED, "customer"),
    (Status.RESERVED, LATE): (Status.EXPIRED, (Expired(),)),
    (Status.PAID, MESSAGES[1]): STOP,
    (Status.PAID, PARTIAL): (Status.PAID, ()),
    (Status.PAID, FULL): STOP,
    (Status.PAID, ShipmentCreated("MSX")): (Status.PAID, ()),
    (Status.PAID, CancelOrder()): STOP,
    (Status.CANCELLING, PARTIAL): (Status.CANCELLING, ()),
    (Status.CANCELLING, FULL): (Status.CANCELLING, ()),
    (Status.CANCELLING, ShipmentCreated("MSX")): (Status.CANCELLING, ()),
    (Status.SHIPPED, PARTIAL): (Status.SHIPPED, ()),
    (Status.SHIPPED, FULL): (Status.SHIPPED, ()),
    (Status.DELIVERED, PARTIAL): (Status.DELIVERED, ()),
    (Status.DELIVERED, FULL): (Status.DELIVERED, ()),
    (Status.REFUNDED, CAME_BACK): (Status.EXPIRED, ()),
}
for status in (Status.PAID, Status.CANCELLING):
    MEANS[status, ShipmentMoved()] = (Status.SHIPPED, ())
for status in (Status.PAID, Status.CANCELLING, Status.SHIPPED):
    why = "customer" if status is Status.CANCELLING else "delivery_failed"
    MEANS[status, ShipmentDelivered()] = (Status.DELIVERED, (Completed(),))
    for returned in ("refused", "cancelled"):
        MEANS[status, ShipmentFailed(returned)] = ended(
            Status.CANCELLED, why, refund=True, restock=True
        )
    MEANS[status, ShipmentFailed("lost")] = ended(Status.CANCELLED, why, refund=True)
for status in (Status.REJECTED, Status.CANCELLED, Status.EXPIRED):
    MEANS[status, CAPTURED] = (status, ())
    MEANS[status, PARTIAL] = (status, ())
    MEANS[status, FULL] = (Status.REFUNDED, ())
REFUSED = {Status.SHIPPED, Status.DELIVERED, Status.REJECTED, Status.EXPIRED}


@pytest.mark.parametrize("message", MESSAGES, ids=repr)
@pytest.mark.parametrize("status", Status)
def test_the_transition_of_each_message(status: Status, message: Message) -> None:
    before = order(status)
    if isinstance(message, CancelOrder) and status in REFUSED:
        with pytest.raises(NotCancellableError, match=status):
            decide(before, message)
        return
    after = decide(before, message)
    if (status, message) not in MEANS:
        assert after.state is before
        assert after.effects == ()
        return
    assert (after.state.status, after.effects) == MEANS[status, message]
    assert after.state.version == before.version + 1
