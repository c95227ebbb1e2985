"""`decide`: the transition that each message makes, rule by rule."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from shop_order.domain.effects import (
    CancellationRequested,
    Cancelled,
    Completed,
    Confirmed,
    Effect,
    Expired,
    PaymentRetried,
)
from shop_order.domain.messages import (
    CancelOrder,
    ChangeAddress,
    DeadlinePassed,
    InventoryRejected,
    InventoryReleased,
    InventoryReserved,
    Message,
    PaymentCaptured,
    PaymentFailed,
    PaymentRefunded,
    RefundFailed,
    RetryPayment,
    ShipmentCreated,
    ShipmentDelivered,
    ShipmentFailed,
    ShipmentMoved,
)
from shop_order.domain.order import CLOSED, CONFIRMED, UNPAID, Order, PaymentFailure, Status
from shop_shared import transition
from shop_shared.money import Money


class NotCancellableError(Exception):
    """The order has left, arrived or ended: it cannot be cancelled any more."""


class AddressLockedError(Exception):
    """The order is paid or ended: its parcel is already addressed."""


class NotAwaitingPaymentError(Exception):
    """No payment of the order has failed, or its time to be paid is over."""


Transition = transition.Transition[Order, Effect]


def decide(order: Order, message: Message) -> Transition:
    """Return the transition that a message makes; one that changes nothing keeps the same order.

    Raises NotCancellableError for CancelOrder, AddressLockedError for ChangeAddress, and
    NotAwaitingPaymentError for RetryPayment.
    """
    made = _rule(order, message)
    if made.state is order:
        return made
    return replace(made, state=_next_version(order, made.state))


def _next_version(before: Order, after: Order) -> Order:
    deadline = after.deadline if after.status in UNPAID else None
    return replace(after, version=before.version + 1, deadline=deadline)


def _rule(order: Order, message: Message) -> Transition:  # noqa: C901, PLR0911, PLR0912 - a line a message
    match message:
        case InventoryReserved():
            return _reserved(order, message)
        case InventoryRejected(reason):
            return _rejected(order, reason)
        case InventoryReleased():
            return _expired(order) if order.status is Status.RESERVED else Transition(order)
        case PaymentCaptured(amount):
            return _captured(order, amount)
        case PaymentFailed():
            return _payment_failed(order, message)
        case PaymentRefunded():
            return _refunded(order, message)
        case RefundFailed(total_refunded):
            return _refund_failed(order, total_refunded.amount)
        case ShipmentCreated(tracking_number):
            return _shipment_created(order, tracking_number)
        case ShipmentMoved():
            return _moved(order)
        case ShipmentDelivered():
            return _delivered(order)
        case ShipmentFailed(reason):
            return _shipment_failed(order, reason)
        case CancelOrder(by):
            return _cancel_asked(order, by)
        case DeadlinePassed(now):
            return _deadline_passed(order, now)
        case ChangeAddress(address):
            return _address_changed(order, address)
        case RetryPayment():
            return _payment_retried(order, message)


def _reserved(order: Order, message: InventoryReserved) -> Transition:
    if order.status is not Status.PENDING:
        return Transition(order)
    held = replace(
        order,
        status=Status.RESERVED,
        lines=message.lines,
        total=message.total,
        deadline=message.reserved_until,
    )
    if message.total.amount == 0 and held.captured is None:
        held = replace(held, captured=message.total)  # free: there is no money to wait for
    # The money can be quicker than the stock's own word: each has a topic of its own.
    return Transition(held) if held.captured is None else _paid(held)


def _captured(order: Order, amount: Money) -> Transition:
    if order.captured is not None:
        return Transition(order)
    known = replace(order, captured=amount)
    # Pending: kept until the stock answers. Ended: recorded; payment gives it back.
    return _paid(known) if order.status is Status.RESERVED else Transition(known)


def _paid(order: Order) -> Transition:
    """Confirm an order that is both priced and paid, unless the sum is not the one asked for."""
    if order.captured != order.total:
        return _cancelled(order, "amount_mismatch")
    return Transition(replace(order, status=Status.PAID, payment_failure=None), (Confirmed(),))


def _rejected(order: Order, reason: str) -> Transition:
    if order.status is Status.PAID:
        return _stop_parcel(order, reason)
    if order.status in UNPAID:
        return _cancelled(order, reason, status=Status.REJECTED)
    return Transition(order)


def _payment_failed(order: Order, message: PaymentFailed) -> Transition:
    if order.status not in UNPAID or order.captured is not None:
        return Transition(order)
    if message.attempt != order.payment_attempt or order.payment_failure is not None:
        return Transition(order)
    if message.can_retry:
        failure = PaymentFailure(message.reason, message.message)
        return Transition(replace(order, payment_failure=failure))
    reason = "payment_expired" if message.reason == "expired" else "payment_failed"
    return _cancelled(order, reason)


def _payment_retried(order: Order, command: RetryPayment) -> Transition:
    """Charge another way to pay: the stock is held as long as it was, not a moment longer."""
    if order.status is not Status.RESERVED or order.payment_failure is None:
        raise NotAwaitingPaymentError(f"the order is {order.status}, and no payment has failed")
    if order.deadline is None or command.now >= order.deadline:
        raise NotAwaitingPaymentError("the time to pay is over")
    retried = replace(
        order,
        payment=command.payment,
        payment_attempt=order.payment_attempt + 1,
        payment_failure=None,
    )
    return Transition(retried, (PaymentRetried(),))


def _refunded(order: Order, message: PaymentRefunded) -> Transition:
    if message.total_refunded.amount <= order.refunded_amount:
        return Transition(order)
    known = replace(order, refunded_amount=message.total_refunded.amount)
    if not message.full:
        return Transition(known)
    known = replace(known, captured=order.captured or message.total_refunded)
    if order.status in CLOSED:
        return Transition(replace(known, status=Status.REFUNDED))
    if order.status is Status.PAID:
        return _stop_parcel(known, "refunded")
    if order.status in UNPAID:
        return _cancelled(known, "refunded")
    return Transition(known)  # goodwill: it takes nothing away from a parcel that has left


def _refund_failed(order: Order, total_refunded: int) -> Transition:
    """Take back what the order knows of a refund that came back after it had succeeded."""
    if total_refunded >= order.refunded_amount:
        return Transition(order)
    owed = replace(order, refunded_amount=total_refunded)
    if order.status is not Status.REFUNDED:
        return Transition(owed)
    # Only an order that nobody paid in time ended without a reason.
    ended = Status.CANCELLED if order.cancel_reason else Status.EXPIRED
    return Transition(replace(owed, status=ended))


def _shipment_created(order: Order, tracking_number: str) -> Transition:
    if order.status not in CONFIRMED or order.tracking_number is not None:
        return Transition(order)
    return Transition(replace(order, tracking_number=tracking_number))


def _moved(order: Order) -> Transition:
    if order.status not in CONFIRMED:
        return Transition(order)
    # A parcel that has left can no longer be stopped.
    return Transition(replace(order, status=Status.SHIPPED, cancel_reason=None))


def _delivered(order: Order) -> Transition:
    if order.status not in CONFIRMED | {Status.SHIPPED}:
        return Transition(order)
    arrived = replace(order, status=Status.DELIVERED, cancel_reason=None)
    return Transition(arrived, (Completed(),))


def _shipment_failed(order: Order, reason: str) -> Transition:
    if order.status not in CONFIRMED | {Status.SHIPPED}:
        return Transition(order)
    # Why it was to be cancelled says more than that the parcel was stopped. What is lost is gone.
    return _cancelled(order, order.cancel_reason or "delivery_failed", restock=reason != "lost")


def _cancel_asked(order: Order, by: str) -> Transition:
    if order.status in UNPAID:
        return _cancelled(order, by)
    if order.status is Status.PAID:
        return _stop_parcel(order, by)
    if order.status in {Status.CANCELLING, Status.CANCELLED, Status.REFUNDED}:
        return Transition(order)
    raise NotCancellableError(f"the order is {order.status}")


def _deadline_passed(order: Order, now: datetime) -> Transition:
    if order.deadline is None or now < order.deadline:
        return Transition(order)
    if order.status is Status.RESERVED:
        return _expired(order)
    return _cancelled(order, "reservation_timeout")


def _address_changed(order: Order, address: Mapping[str, Any]) -> Transition:
    if order.status not in UNPAID or order.captured is not None:
        raise AddressLockedError(f"the order is {order.status}")
    if order.shipping_address == address:
        return Transition(order)
    return Transition(replace(order, shipping_address=address))


def _expired(order: Order) -> Transition:
    return Transition(replace(order, status=Status.EXPIRED), (Expired(),))


def _stop_parcel(order: Order, reason: str) -> Transition:
    """Ask shipping to stop the parcel; the order ends when shipping has answered."""
    stopping = replace(order, status=Status.CANCELLING, cancel_reason=reason)
    return Transition(stopping, (CancellationRequested(),))


def _cancelled(
    order: Order, reason: str, *, status: Status = Status.CANCELLED, restock: bool = False
) -> Transition:
    owed = order.captured is not None and order.captured.amount > order.refunded_amount
    if order.captured is not None and order.captured.amount > 0 and not owed:
        status = Status.REFUNDED  # the money went back before the goods were stopped
    ended = replace(order, status=status, cancel_reason=reason)
    return Transition(ended, (Cancelled(reason, refund=owed, restock=restock),))
