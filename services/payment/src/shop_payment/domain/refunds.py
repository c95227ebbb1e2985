"""Refunds: by staff, of returned goods, of closed orders, of dashboards, of second charges.

Each has an id that follows from its cause, so that one cause refunds once.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid5

from shop_payment.domain.effects import (
    Alert,
    AnnounceRefunded,
    AnnounceRefundFailed,
    AnnounceSecondChargeReturned,
    Call,
    CallProvider,
    Effect,
    Transition,
)
from shop_payment.domain.messages import (
    MoneyCaptured,
    RefundAnswered,
    RefundReported,
    RequestRefund,
    ReturnReceived,
)
from shop_payment.domain.payment import DuplicateCharge, Payment, Refund, RefundStatus, Status

_CAME_BACK = (RefundStatus.SUCCEEDED, RefundStatus.FAILED)
"""Before and after a payer's bank has sent a refund back, for weeks after it was made.

https://docs.stripe.com/refunds#failed-refunds
"""
_LOOK = CallProvider(call=Call.FETCH_REFUNDS)
"""After a refusal: the money may be back already, by a refund on the dashboard not heard of."""


class RefundRefusedError(Exception):
    """The refund asks for more than is left, or there is nothing captured to refund."""


def request_refund(payment: Payment, message: RequestRefund) -> Transition:
    """Refund what staff asked for, or book what they gave back without the provider.

    Raises RefundRefusedError for more than is left.
    """
    if payment.refund(message.refund_id) is not None:
        return Transition(payment)
    if not 0 < message.amount <= payment.refundable:
        raise RefundRefusedError(
            f"{message.amount} asked, {payment.refundable} of {payment.captured} left to refund"
        )
    refund = Refund(
        id=message.refund_id,
        amount=message.amount,
        reason=message.reason,
        elsewhere=message.elsewhere,
    )
    issued = _issue(payment, refund)
    if not message.elsewhere:
        return issued
    made = RefundAnswered(refund_id=refund.id, status=RefundStatus.SUCCEEDED)
    return answer_refund(issued.state, made)


def _issue(payment: Payment, refund: Refund) -> Transition:
    return Transition(
        replace(payment, status=Status.REFUNDING, refunds=(*payment.refunds, refund)),
        (CallProvider(call=Call.REFUND, refund_id=refund.id),),
    )


def refund_return(payment: Payment, message: ReturnReceived) -> Transition:
    """Refund returned goods under the return's own id, so that one return refunds once.

    What staff gave back before, out of goodwill, is not given back again.
    """
    if payment.refund(message.return_id) is not None:
        return Transition(payment)
    amount = min(message.amount, payment.refundable)
    if amount <= 0:
        failed = AnnounceRefundFailed(refund_id=message.return_id, amount=message.amount)
        detail = f"return {message.return_id} of {message.amount}: nothing is left to refund"
        return Transition(payment, (failed, Alert(kind="refund_failed", detail=detail)))
    return _issue(payment, Refund(id=message.return_id, amount=amount, reason="return"))


def give_back(payment: Payment) -> Transition:
    """Return all that is left, under an id that follows from the payment: one cause, one refund."""
    if payment.refundable <= 0:
        return Transition(payment)
    nth = sum(r.automatic for r in payment.refunds)
    refund = Refund(
        id=uuid5(payment.id, f"give-back:{nth}"),
        amount=payment.refundable,
        reason="order_closed",
        automatic=True,
    )
    return _issue(payment, refund)


def book_refund(payment: Payment, message: RefundReported) -> Transition:
    """Book a refund made on the provider's dashboard; one that does not fit calls a person."""
    booked = next((r for r in payment.refunds if r.reference == message.reference), None)
    if booked is not None:
        return answer_refund(payment, RefundAnswered(refund_id=booked.id, status=message.status))
    if message.status is RefundStatus.FAILED:
        return Transition(payment)
    currency = payment.total.currency if payment.total else None
    if message.total.currency != currency or not 0 < message.total.amount <= payment.refundable:
        detail = f"refund {message.reference} of {message.total}, {payment.refundable} left"
        return Transition(payment, (Alert(kind="unbooked_refund", detail=detail),))
    refund = Refund(
        id=uuid5(payment.id, f"reported:{message.reference}"),
        amount=message.total.amount,
        reason="provider_dashboard",
        reference=message.reference,
    )
    issued = replace(payment, status=Status.REFUNDING, refunds=(*payment.refunds, refund))
    return answer_refund(issued, RefundAnswered(refund_id=refund.id, status=message.status))


def _answer_duplicate(
    payment: Payment, duplicate: DuplicateCharge, message: RefundAnswered
) -> Transition:
    came_back = (duplicate.status, message.status) == _CAME_BACK
    is_by_hand = (duplicate.status, message.status) == (RefundStatus.FAILED, RefundStatus.SUCCEEDED)
    if duplicate.status is not RefundStatus.PENDING and not (came_back or is_by_hand):
        return Transition(payment)
    reference = message.reference or duplicate.refund_reference
    answered = replace(duplicate, status=message.status, refund_reference=reference)
    others = (d for d in payment.duplicates if d.id != duplicate.id)
    settled = replace(payment, duplicates=(*others, answered))
    if came_back:
        detail = f"the refund of second charge {duplicate.reference} came back"
        return Transition(settled, (Alert(kind="refund_failed", detail=detail),))
    if message.status is RefundStatus.SUCCEEDED:
        returned = AnnounceSecondChargeReturned(
            amount=duplicate.total.amount, currency=duplicate.total.currency
        )
        return Transition(settled, (returned,))
    if message.status is not RefundStatus.FAILED:
        return Transition(settled)
    detail = f"second charge {duplicate.reference} of {duplicate.total} is not refunded"
    return Transition(settled, (Alert(kind="refund_failed", detail=detail), _LOOK))


def answer_refund(payment: Payment, message: RefundAnswered) -> Transition:
    """Book the provider's answer to a refund, once."""
    duplicate = payment.duplicate(message.refund_id)
    if duplicate is not None:
        return _answer_duplicate(payment, duplicate, message)
    refund = payment.refund(message.refund_id)
    if refund is None or refund.status is not RefundStatus.PENDING:
        return _answer_settled(payment, refund, message)
    payment = _answered(payment, refund, message)
    if message.status is RefundStatus.SUCCEEDED and payment.superseded:
        return Transition(payment, (_returned(payment, refund.amount),))
    if message.status is RefundStatus.SUCCEEDED:
        return Transition(payment, (AnnounceRefunded(refund_id=refund.id, amount=refund.amount),))
    if message.status is RefundStatus.FAILED:
        failed = _failed(payment, refund, f"refund {refund.id} of {refund.amount}")
        # What a refund by hand could not return, the closing does; its own failure needs a person.
        again = (
            give_back(payment)
            if payment.abandoned and not refund.automatic
            else Transition(payment)
        )
        return Transition(again.state, (*failed, _LOOK, *again.effects))
    return Transition(payment)


def _answer_settled(payment: Payment, refund: Refund | None, message: RefundAnswered) -> Transition:
    """Book that a refund came back; a person finds out where else the money can go."""
    if refund is None or (refund.status, message.status) != _CAME_BACK:
        return Transition(payment)
    detail = f"refund {refund.id} of {refund.amount} came back after it had succeeded"
    return Transition(_answered(payment, refund, message), _failed(payment, refund, detail))


def _failed(payment: Payment, refund: Refund, detail: str) -> tuple[Effect, ...]:
    """Call a person; and tell the order, unless the money was never the order's."""
    alert = Alert(kind="refund_failed", detail=detail)
    if payment.superseded:
        return (alert,)
    return (AnnounceRefundFailed(refund_id=refund.id, amount=refund.amount), alert)


def _answered(payment: Payment, refund: Refund, message: RefundAnswered) -> Payment:
    answered = replace(
        refund, status=message.status, reference=message.reference or refund.reference
    )
    refunds = tuple(answered if r.id == refund.id else r for r in payment.refunds)
    payment = replace(payment, refunds=refunds)
    return replace(payment, status=_settled(payment))


def _returned(payment: Payment, amount: int) -> AnnounceSecondChargeReturned:
    assert payment.total is not None  # noqa: S101 - money came, so there was a price
    return AnnounceSecondChargeReturned(amount=amount, currency=payment.total.currency)


def _settled(payment: Payment) -> Status:
    if any(r.status is RefundStatus.PENDING for r in payment.refunds):
        return Status.REFUNDING
    if payment.refunded == payment.captured:
        return Status.REFUNDED
    return Status.PARTIALLY_REFUNDED if payment.refunded else Status.CAPTURED


def refund_duplicate(payment: Payment, message: MoneyCaptured) -> Transition:
    """Refund a second charge of the same payment, once, and call a person."""
    if any(duplicate.reference == message.reference for duplicate in payment.duplicates):
        return Transition(payment)
    duplicate = DuplicateCharge(
        id=uuid5(payment.id, f"duplicate:{message.reference}"),
        reference=message.reference,
        total=message.total,
    )
    detail = f"{message.reference} captured {message.total} beside {payment.reference}"
    return Transition(
        replace(payment, duplicates=(*payment.duplicates, duplicate)),
        (
            Alert(kind="double_capture", detail=detail),
            CallProvider(call=Call.REFUND, refund_id=duplicate.id),
        ),
    )
