"""Every status meets every message, and what becomes of the order is written out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from shop_order.domain import (
    AddressLockedError,
    CancellationRequested,
    Cancelled,
    CancelOrder,
    ChangeAddress,
    Completed,
    Confirmed,
    DeadlinePassed,
    Expired,
    InventoryRejected,
    InventoryReleased,
    InventoryReserved,
    Line,
    Message,
    NotAwaitingPaymentError,
    NotCancellableError,
    Order,
    PaymentCaptured,
    PaymentFailed,
    PaymentFailure,
    PaymentRefunded,
    PaymentRetried,
    RetryPayment,
    ShipmentCreated,
    ShipmentDelivered,
    ShipmentFailed,
    ShipmentMoved,
    Status,
    decide,
)
from shop_shared.money import Money

PLACED = datetime(2026, 1, 1, 12, tzinfo=UTC)
DEADLINE = PLACED + timedelta(minutes=15)
TOTAL = Money(1998, "USD")
PRODUCT = UUID(int=7)
PRICED = (Line(PRODUCT, 2, sku="MUG", name="Mug", unit_price=Money(999, "USD")),)


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


RESERVED = InventoryReserved(PRICED, TOTAL, DEADLINE)
CAPTURED = PaymentCaptured(TOTAL)
PARTIAL = PaymentRefunded(Money(500, "USD"), full=False)
FULL = PaymentRefunded(TOTAL, full=True)
EARLY = DeadlinePassed(DEADLINE - timedelta(microseconds=1))
LATE = DeadlinePassed(DEADLINE)
ELSEWHERE = ChangeAddress({"line1": "2 Side Street"})
MESSAGES: list[Message] = [
    RESERVED,
    InventoryRejected("out_of_stock"),
    InventoryReleased(),
    CAPTURED,
    PaymentFailed("declined"),
    PaymentFailed("expired"),
    PARTIAL,
    FULL,
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


def test_money_that_is_quicker_than_the_stock_confirms_on_reservation() -> None:
    early = decide(order(Status.PENDING), CAPTURED).state
    transition = decide(early, RESERVED)
    assert transition.state.status is Status.PAID
    assert transition.state.deadline is None
    assert transition.effects == (Confirmed(),)


def test_a_capture_of_another_amount_is_refunded_not_shipped() -> None:
    transition = decide(order(Status.RESERVED), PaymentCaptured(Money(1, "USD")))
    assert transition.state.status is Status.CANCELLED
    assert transition.effects == (Cancelled("amount_mismatch", refund=True, restock=False),)


def test_money_given_back_before_the_parcel_stopped_is_not_given_back_again() -> None:
    stopping = decide(order(Status.PAID), FULL).state
    transition = decide(stopping, ShipmentFailed("cancelled"))
    assert transition.state.status is Status.REFUNDED
    assert transition.effects == (Cancelled("refunded", refund=False, restock=True),)


DECLINED = PaymentFailed("declined", "no funds", can_retry=True)
PAYPAL = RetryPayment({"provider": "paypal"}, PLACED)


@pytest.mark.parametrize("status", [Status.PENDING, Status.RESERVED])
def test_an_order_waits_for_another_way_to_pay_as_long_as_its_stock_is_held(status: Status) -> None:
    waiting = decide(order(status), DECLINED)
    assert waiting.effects == ()
    assert (waiting.state.status, waiting.state.deadline) == (status, DEADLINE)
    assert waiting.state.payment_failure == PaymentFailure("declined", "no funds")
    assert decide(waiting.state, DECLINED).state is waiting.state
    ended = decide(waiting.state, LATE).state
    assert ended.status in {Status.EXPIRED, Status.CANCELLED}


def test_another_way_to_pay_is_tried_and_the_old_ones_failure_is_no_longer_about_it() -> None:
    retried = decide(decide(order(Status.RESERVED), DECLINED).state, PAYPAL)
    assert retried.effects == (PaymentRetried(),)
    assert (retried.state.payment, retried.state.payment_attempt) == (PAYPAL.payment, 2)
    assert retried.state.payment_failure is None
    assert decide(retried.state, DECLINED).state is retried.state
    again = decide(retried.state, replace(DECLINED, attempt=2)).state
    assert again.payment_failure is not None
    assert decide(again, PAYPAL).state.payment_attempt == 3
    paid = decide(again, CAPTURED).state
    assert (paid.status, paid.payment_failure) == (Status.PAID, None)


@pytest.mark.parametrize("status", Status)
def test_without_a_failed_payment_no_other_is_tried(status: Status) -> None:
    with pytest.raises(NotAwaitingPaymentError, match=status):
        decide(order(status), PAYPAL)


def test_once_the_time_to_pay_is_over_no_other_way_is_tried() -> None:
    waiting = decide(order(Status.RESERVED), DECLINED).state
    with pytest.raises(NotAwaitingPaymentError, match="over"):
        decide(waiting, replace(PAYPAL, now=DEADLINE))


@pytest.mark.parametrize("status", Status)
def test_the_address_changes_only_before_payment(status: Status) -> None:
    before = order(status)
    if status in {Status.PENDING, Status.RESERVED}:
        after = decide(before, ELSEWHERE).state
        assert after.shipping_address == {"line1": "2 Side Street"}
        assert after.version == before.version + 1
        assert after.deadline == before.deadline
        assert decide(after, ELSEWHERE).state is after
        return
    with pytest.raises(AddressLockedError):
        decide(before, ELSEWHERE)


def test_the_address_is_locked_once_money_is_captured() -> None:
    with pytest.raises(AddressLockedError):
        decide(decide(order(Status.PENDING), CAPTURED).state, ELSEWHERE)


@pytest.mark.parametrize(
    ("status", "settled"),
    [
        (Status.PENDING, False),
        (Status.RESERVED, False),
        (Status.PAID, False),
        (Status.CANCELLING, False),
        (Status.SHIPPED, False),
        (Status.DELIVERED, True),
        (Status.REJECTED, True),
        (Status.CANCELLED, True),
        (Status.EXPIRED, True),
        (Status.REFUNDED, True),
    ],
)
def test_settled(status: Status, settled: bool) -> None:  # noqa: FBT001 - a table's column
    assert order(status).settled is settled


def test_a_closed_order_with_money_outstanding_is_not_settled() -> None:
    assert not decide(order(Status.CANCELLED), CAPTURED).state.settled


def test_a_free_order_that_is_closed_owes_nothing() -> None:
    nothing = replace(CAPTURED, amount=Money(0, "USD"))
    assert decide(order(Status.CANCELLED), nothing).state.settled


FREE = InventoryReserved(PRICED, Money(0, "USD"), DEADLINE)


def test_a_free_order_is_confirmed_as_soon_as_its_stock_is_held() -> None:
    transition = decide(order(Status.PENDING), FREE)
    assert transition.state.status is Status.PAID
    assert transition.effects == (Confirmed(),)
    assert decide(transition.state, PaymentCaptured(Money(0, "USD"))).state is transition.state


def test_a_free_order_that_is_cancelled_owes_nothing_and_is_settled() -> None:
    free = decide(order(Status.PENDING), FREE).state
    stopped = decide(decide(free, CancelOrder()).state, ShipmentFailed("cancelled"))
    assert stopped.state.status is Status.CANCELLED
    assert stopped.effects == (Cancelled("customer", refund=False, restock=True),)
    assert stopped.state.settled
