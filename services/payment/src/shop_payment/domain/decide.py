"""What a payment may become: a pure state machine.

    waiting -> pending -> action_required -> captured | failed | cancelled
                                             captured -> refunding -> refunded | partially_refunded

`decide(payment, message)` returns the payment after the message and the effects to carry out. A
message that comes late, twice or out of order is no error; it changes nothing. Two rules carry the
rest: money is charged once, and money that arrives for a closed order is refunded once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never
from uuid import uuid5

from shop_payment.domain.effects import (
    Alert,
    AnnounceActionRequired,
    AnnounceCaptured,
    AnnounceFailed,
    AnnounceRefunded,
    Call,
    CallProvider,
    Effect,
)
from shop_payment.domain.messages import (
    ChargeFailed,
    ChargePending,
    CustomerApproved,
    CustomerMustAct,
    Message,
    MoneyCaptured,
    OrderAbandoned,
    OrderPlaced,
    RefundAnswered,
    RequestRefund,
    StockReserved,
)
from shop_payment.domain.payment import (
    CLOSED_UNPAID,
    OPEN,
    Payment,
    Refund,
    RefundStatus,
    Status,
    Total,
)


@dataclass(frozen=True, slots=True)
class Transition:
    """The payment after a message, and the effects to carry out in the same transaction."""

    state: Payment
    effects: tuple[Effect, ...] = ()


class RefundRefusedError(Exception):
    """The refund asks for more than is left, or there is nothing captured to refund."""


def decide(payment: Payment, message: Message) -> Transition:  # noqa: C901, PLR0911, PLR0912 - one arm a message
    """Apply a message to a payment.

    Raises RefundRefusedError when a requested refund is more than what is left.
    """
    match message:
        case OrderPlaced():
            if payment.method is not None:
                return Transition(payment)
            return _start(replace(payment, method=message.method, customer_id=message.customer_id))
        case StockReserved():
            if payment.total is not None:
                return Transition(payment)
            known = replace(payment, total=message.total, pay_until=message.until)
            return _start(replace(known, customer_id=message.customer_id))
        case OrderAbandoned():
            return _abandon(payment)
        case ChargePending():
            return _record_reference(payment, message.reference)
        case CustomerMustAct():
            return _require_action(payment, message)
        case CustomerApproved():
            learned = replace(payment, reference=message.reference)
            if payment.status in OPEN:
                return Transition(learned, (CallProvider(call=Call.CAPTURE),))
            return Transition(payment)
        case MoneyCaptured():
            return _capture(payment, message)
        case ChargeFailed():
            return _fail(payment, message)
        case RequestRefund():
            return _request_refund(payment, message)
        case RefundAnswered():
            return _answer_refund(payment, message)
        case _:
            assert_never(message)


def is_already_booked(payment: Payment, reported_total: Total) -> bool:
    """Whether a notice that this much was captured only repeats what is already in the books."""
    return payment.captured > 0 and payment.total == reported_total


def _start(payment: Payment) -> Transition:
    """Charge once the second of order.placed and inventory.reserved is in."""
    if payment.status is not Status.WAITING or payment.method is None or payment.total is None:
        return Transition(payment)
    if payment.method.currency != payment.total.currency:
        message = (
            f"the order is in {payment.total.currency}, the payment in {payment.method.currency}"
        )
        return Transition(
            replace(payment, status=Status.FAILED),
            (AnnounceFailed(reason="provider_error", message=message),),
        )
    return Transition(replace(payment, status=Status.PENDING), (CallProvider(call=Call.CHARGE),))


def _abandon(payment: Payment) -> Transition:
    if payment.abandoned:
        return Transition(payment)
    abandoned = replace(payment, abandoned=True)
    if payment.status is Status.WAITING:
        return Transition(replace(abandoned, status=Status.CANCELLED))
    if payment.status in OPEN:
        # A charge may be under way: the cancel waits behind it, and a capture that wins goes back.
        return Transition(
            replace(abandoned, status=Status.CANCELLED), (CallProvider(call=Call.CANCEL),)
        )
    return _give_back(abandoned)


def _record_reference(payment: Payment, reference: str) -> Transition:
    if payment.reference == reference:
        return Transition(payment)
    learned = replace(payment, reference=reference)
    if payment.status in CLOSED_UNPAID:
        return Transition(learned, (CallProvider(call=Call.CANCEL),))
    return Transition(learned)


def _require_action(payment: Payment, message: CustomerMustAct) -> Transition:
    learned = _record_reference(payment, message.reference)
    if payment.status is not Status.PENDING:
        return learned
    return Transition(
        replace(learned.state, status=Status.ACTION_REQUIRED),
        (AnnounceActionRequired(action=message.action, expires_at=message.expires_at),),
    )


def _capture(payment: Payment, message: MoneyCaptured) -> Transition:
    if message.total != payment.total:
        return _refuse_amount(payment, message)
    if payment.captured:
        if message.reference == payment.reference:
            return Transition(payment)
        detail = f"{message.reference} captured beside {payment.reference}"
        return Transition(payment, (Alert(kind="double_capture", detail=detail),))
    captured = replace(
        payment, status=Status.CAPTURED, captured=message.total.amount, reference=message.reference
    )
    if payment.status in OPEN:
        return Transition(captured, (AnnounceCaptured(),))
    late = _give_back(captured)
    return Transition(late.state, (AnnounceCaptured(), *late.effects))


def _refuse_amount(payment: Payment, message: MoneyCaptured) -> Transition:
    """Money of another amount is never taken for ours; a person sorts it out with the provider."""
    detail = f"expected {payment.total}, provider captured {message.total} ({message.reference})"
    alert = Alert(kind="amount_mismatch", detail=detail)
    if payment.status not in OPEN:
        return Transition(payment, (alert,))
    failed = AnnounceFailed(reason="amount_mismatch", message="the captured amount is not ours")
    return Transition(
        replace(payment, status=Status.FAILED, reference=message.reference), (failed, alert)
    )


def _fail(payment: Payment, message: ChargeFailed) -> Transition:
    if payment.status not in OPEN:
        return Transition(payment)
    failed = replace(
        payment, status=Status.FAILED, reference=message.reference or payment.reference
    )
    announce = AnnounceFailed(reason=message.reason, message=message.message)
    if payment.status is Status.ACTION_REQUIRED:
        # The customer still holds a link or a secret; close it so that no late capture comes.
        return Transition(failed, (announce, CallProvider(call=Call.CANCEL)))
    return Transition(failed, (announce,))


def _request_refund(payment: Payment, message: RequestRefund) -> Transition:
    if payment.refund(message.refund_id) is not None:
        return Transition(payment)
    if not 0 < message.amount <= payment.refundable:
        raise RefundRefusedError(
            f"{message.amount} asked, {payment.refundable} of {payment.captured} left to refund"
        )
    refund = Refund(id=message.refund_id, amount=message.amount, reason=message.reason)
    return _issue(payment, refund)


def _issue(payment: Payment, refund: Refund) -> Transition:
    return Transition(
        replace(payment, status=Status.REFUNDING, refunds=(*payment.refunds, refund)),
        (CallProvider(call=Call.REFUND, refund_id=refund.id),),
    )


def _give_back(payment: Payment) -> Transition:
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


def _answer_refund(payment: Payment, message: RefundAnswered) -> Transition:
    refund = payment.refund(message.refund_id)
    if refund is None or refund.status is not RefundStatus.PENDING:
        return Transition(payment)
    answered = replace(
        refund, status=message.status, reference=message.reference or refund.reference
    )
    refunds = tuple(answered if r.id == refund.id else r for r in payment.refunds)
    payment = replace(payment, refunds=refunds)
    payment = replace(payment, status=_settled(payment))
    if message.status is RefundStatus.SUCCEEDED:
        return Transition(payment, (AnnounceRefunded(refund_id=refund.id, amount=refund.amount),))
    if message.status is RefundStatus.FAILED:
        alert = Alert(kind="refund_failed", detail=f"refund {refund.id} of {refund.amount}")
        # What a refund by hand could not return, the closing does; its own failure needs a person.
        again = (
            _give_back(payment)
            if payment.abandoned and not refund.automatic
            else Transition(payment)
        )
        return Transition(again.state, (alert, *again.effects))
    return Transition(payment)


def _settled(payment: Payment) -> Status:
    if any(r.status is RefundStatus.PENDING for r in payment.refunds):
        return Status.REFUNDING
    if payment.refunded == payment.captured:
        return Status.REFUNDED
    return Status.PARTIALLY_REFUNDED if payment.refunded else Status.CAPTURED
