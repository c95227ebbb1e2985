"""What each fact makes of an order, rule by rule."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shop_order.domain.decisions import (
    CancellationRequested,
    Cancelled,
    Completed,
    Confirmed,
    Decision,
    Expired,
)
from shop_order.domain.facts import (
    CancelAsked,
    DeadlinePassed,
    Fact,
    InventoryRejected,
    InventoryReleased,
    InventoryReserved,
    PaymentCaptured,
    PaymentFailed,
    PaymentRefunded,
    ShipmentCreated,
    ShipmentDelivered,
    ShipmentFailed,
    ShipmentMoved,
)
from shop_order.domain.order import CLOSED, CONFIRMED, UNPAID, Money, Order, Status


class NotCancellableError(Exception):
    """The order has left, arrived or ended: it cannot be cancelled any more."""


class AddressLockedError(Exception):
    """The order is paid or ended: its parcel is already addressed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The order after a fact, and what it decided because of it."""

    order: Order
    decisions: tuple[Decision, ...] = ()


def apply(order: Order, fact: Fact) -> Outcome:
    """Return what `fact` makes of `order`; the same order and no decision when it changes nothing.

    Raises NotCancellableError, for CancelAsked only.
    """
    outcome = _rule(order, fact)
    if outcome.order is order:
        return outcome
    return replace(outcome, order=_next_version(order, outcome.order))


def change_address(order: Order, address: Mapping[str, Any]) -> Order:
    """Return the order with another address.

    Raises AddressLockedError once the order is paid or ended.
    """
    if order.status not in UNPAID or order.captured is not None:
        raise AddressLockedError(f"the order is {order.status}")
    if order.shipping_address == address:
        return order
    return _next_version(order, replace(order, shipping_address=address))


def _next_version(before: Order, after: Order) -> Order:
    deadline = after.deadline if after.status in UNPAID else None
    return replace(after, version=before.version + 1, deadline=deadline)


def _rule(order: Order, fact: Fact) -> Outcome:  # noqa: C901, PLR0911 - a fact, a line
    match fact:
        case InventoryReserved():
            return _reserved(order, fact)
        case InventoryRejected(reason):
            return _rejected(order, reason)
        case InventoryReleased():
            return _expired(order) if order.status is Status.RESERVED else Outcome(order)
        case PaymentCaptured(amount):
            return _captured(order, amount)
        case PaymentFailed(reason):
            return _payment_failed(order, reason)
        case PaymentRefunded():
            return _refunded(order, fact)
        case ShipmentCreated(tracking_number):
            return _shipment_created(order, tracking_number)
        case ShipmentMoved():
            return _moved(order)
        case ShipmentDelivered():
            return _delivered(order)
        case ShipmentFailed(reason):
            return _shipment_failed(order, reason)
        case CancelAsked(by):
            return _cancel_asked(order, by)
        case DeadlinePassed(now):
            return _deadline_passed(order, now)


def _reserved(order: Order, fact: InventoryReserved) -> Outcome:
    if order.status is not Status.PENDING:
        return Outcome(order)
    held = replace(
        order,
        status=Status.RESERVED,
        lines=fact.lines,
        total=fact.total,
        deadline=fact.reserved_until,
    )
    # The money can be quicker than the stock's own word: each has a topic of its own.
    return Outcome(held) if held.captured is None else _paid(held)


def _captured(order: Order, amount: Money) -> Outcome:
    if order.captured is not None:
        return Outcome(order)
    known = replace(order, captured=amount)
    # Pending: kept until the stock answers. Ended: recorded; payment gives it back.
    return _paid(known) if order.status is Status.RESERVED else Outcome(known)


def _paid(order: Order) -> Outcome:
    """Confirm an order that is both priced and paid, unless the sum is not the one asked for."""
    if order.captured != order.total:
        return _cancelled(order, "amount_mismatch")
    return Outcome(replace(order, status=Status.PAID), (Confirmed(),))


def _rejected(order: Order, reason: str) -> Outcome:
    if order.status is Status.PAID:
        return _stop_parcel(order, reason)
    if order.status in UNPAID:
        return _cancelled(order, reason, status=Status.REJECTED)
    return Outcome(order)


def _payment_failed(order: Order, reason: str) -> Outcome:
    if order.status not in UNPAID or order.captured is not None:
        return Outcome(order)
    return _cancelled(order, "payment_expired" if reason == "expired" else "payment_failed")


def _refunded(order: Order, fact: PaymentRefunded) -> Outcome:
    if fact.total_refunded.amount <= order.refunded_amount:
        return Outcome(order)
    known = replace(order, refunded_amount=fact.total_refunded.amount)
    if not fact.full:
        return Outcome(known)
    known = replace(known, captured=order.captured or fact.total_refunded)
    if order.status in CLOSED:
        return Outcome(replace(known, status=Status.REFUNDED))
    if order.status is Status.PAID:
        return _stop_parcel(known, "refunded")
    if order.status in UNPAID:
        return _cancelled(known, "refunded")
    return Outcome(known)  # goodwill: it takes nothing away from a parcel that has left


def _shipment_created(order: Order, tracking_number: str) -> Outcome:
    if order.status not in CONFIRMED or order.tracking_number is not None:
        return Outcome(order)
    return Outcome(replace(order, tracking_number=tracking_number))


def _moved(order: Order) -> Outcome:
    if order.status not in CONFIRMED:
        return Outcome(order)
    # A parcel that has left can no longer be stopped.
    return Outcome(replace(order, status=Status.SHIPPED, cancel_reason=None))


def _delivered(order: Order) -> Outcome:
    if order.status not in CONFIRMED | {Status.SHIPPED}:
        return Outcome(order)
    arrived = replace(order, status=Status.DELIVERED, cancel_reason=None)
    return Outcome(arrived, (Completed(),))


def _shipment_failed(order: Order, reason: str) -> Outcome:
    if order.status not in CONFIRMED | {Status.SHIPPED}:
        return Outcome(order)
    # Why it was to be cancelled says more than that the parcel was stopped. What is lost is gone.
    return _cancelled(order, order.cancel_reason or "delivery_failed", restock=reason != "lost")


def _cancel_asked(order: Order, by: str) -> Outcome:
    if order.status in UNPAID:
        return _cancelled(order, by)
    if order.status is Status.PAID:
        return _stop_parcel(order, by)
    if order.status in {Status.CANCELLING, Status.CANCELLED, Status.REFUNDED}:
        return Outcome(order)
    raise NotCancellableError(f"the order is {order.status}")


def _deadline_passed(order: Order, now: datetime) -> Outcome:
    if order.deadline is None or now < order.deadline:
        return Outcome(order)
    if order.status is Status.RESERVED:
        return _expired(order)
    return _cancelled(order, "reservation_timeout")


def _expired(order: Order) -> Outcome:
    return Outcome(replace(order, status=Status.EXPIRED), (Expired(),))


def _stop_parcel(order: Order, reason: str) -> Outcome:
    """Ask shipping to stop the parcel; the order ends when shipping has answered."""
    stopping = replace(order, status=Status.CANCELLING, cancel_reason=reason)
    return Outcome(stopping, (CancellationRequested(),))


def _cancelled(
    order: Order, reason: str, *, status: Status = Status.CANCELLED, restock: bool = False
) -> Outcome:
    owed = order.captured is not None and order.captured.amount > order.refunded_amount
    if order.captured is not None and not owed:
        status = Status.REFUNDED  # the money went back before the goods were stopped
    ended = replace(order, status=status, cancel_reason=reason)
    return Outcome(ended, (Cancelled(reason, refund=owed, restock=restock),))
