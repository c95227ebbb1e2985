"""What a payment may become: a pure state machine.

    waiting -> pending -> action_required -> captured | failed | cancelled
                                             captured -> refunding -> refunded | partially_refunded

`decide(payment, message)` returns the payment after the message and the effects to carry out. A
message that comes late, twice or out of order is no error; it changes nothing. Two rules carry the
rest: money is charged once, and money that arrives for a closed order, or by an attempt that
another has superseded, is refunded once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from shop_payment.domain.effects import (
    WRONG_AMOUNT,
    Alert,
    AnnounceActionRequired,
    AnnounceCaptured,
    AnnounceFailed,
    Call,
    CallProvider,
    Transition,
)
from shop_payment.domain.messages import (
    ChargeDisputed,
    ChargeFailed,
    ChargePending,
    CustomerApproved,
    CustomerMustAct,
    Message,
    MoneyCaptured,
    OrderAbandoned,
    OrderPlaced,
    RefundAnswered,
    RefundReported,
    RequestRefund,
    ReturnReceived,
    StockReserved,
    Superseded,
)
from shop_payment.domain.payment import CLOSED_UNPAID, OPEN, Payment, Status, Total
from shop_payment.domain.refunds import (
    answer_refund,
    book_refund,
    give_back,
    refund_duplicate,
    refund_return,
    request_refund,
)


def decide(payment: Payment, message: Message) -> Transition:  # noqa: C901, PLR0911, PLR0912 - one arm a message
    """Apply a message to a payment.

    Raises RefundRefusedError when a requested refund is more than what is left.
    """
    match message:
        case OrderPlaced():
            if payment.method is not None:
                return Transition(payment)
            known = replace(payment, method=message.method, order_number=message.order_number)
            return _start(replace(known, customer_id=message.customer_id))
        case StockReserved():
            if payment.total is not None:
                return Transition(payment)
            known = replace(payment, total=message.total, pay_until=message.until)
            return _start(replace(known, customer_id=message.customer_id))
        case OrderAbandoned():
            return _abandon(payment)
        case Superseded():
            return _supersede(payment)
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
            return request_refund(payment, message)
        case ReturnReceived():
            return refund_return(payment, message)
        case RefundAnswered():
            return answer_refund(payment, message)
        case RefundReported():
            return book_refund(payment, message)
        case ChargeDisputed():
            return Transition(payment, (Alert(kind="dispute", detail=message.detail),))
        case _:
            assert_never(message)


def is_already_booked(payment: Payment, reported: Total, reference: str | None) -> bool:
    """Return True if a report of this capture repeats what is already in the books.

    A capture with another reference is none of that kind, however alike: it is a second one.
    """
    same_charge = reference is None or reference == payment.reference
    return payment.is_paid and payment.total == reported and same_charge


def _start(payment: Payment) -> Transition:
    """Charge once the second of order.placed and inventory.reserved is in."""
    if payment.status is not Status.WAITING or payment.method is None or payment.total is None:
        return Transition(payment)
    if payment.total.amount == 0:  # no provider takes nothing, and nobody has to pay it
        return Transition(replace(payment, status=Status.CAPTURED), (AnnounceCaptured(),))
    if payment.method.currency != payment.total.currency:
        message = (
            f"the order is in {payment.total.currency}, the payment in {payment.method.currency}"
        )
        return Transition(
            replace(payment, status=Status.FAILED),
            (AnnounceFailed(reason="provider_error", message=message, may_retry=True),),
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
    if payment.total is not None and payment.total.amount == 0:
        return Transition(replace(abandoned, status=Status.CANCELLED))
    return give_back(abandoned)


def _supersede(payment: Payment) -> Transition:
    """Close what the customer may still hold of a failed charge: another one takes its place."""
    if not payment.can_be_superseded:
        return Transition(payment)
    return Transition(replace(payment, superseded=True), (CallProvider(call=Call.CANCEL),))


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
    if payment.is_paid and message.reference != payment.reference:
        return refund_duplicate(payment, message)
    if message.total != payment.total:
        return _refuse_amount(payment, message)
    if payment.is_paid:
        return Transition(payment)
    captured = replace(
        payment, status=Status.CAPTURED, captured=message.total.amount, reference=message.reference
    )
    if payment.superseded:
        return give_back(captured)
    if payment.status in OPEN or payment.can_be_superseded:
        # Also late, of a failed one: the order waits for money, and nothing else brings it yet.
        return Transition(captured, (AnnounceCaptured(),))
    late = give_back(captured)
    return Transition(late.state, (AnnounceCaptured(), *late.effects))


def _refuse_amount(payment: Payment, message: MoneyCaptured) -> Transition:
    """Money of another amount is never taken for ours; a person sorts it out with the provider."""
    detail = f"expected {payment.total}, provider captured {message.total} ({message.reference})"
    alert = Alert(kind="amount_mismatch", detail=detail)
    if message.reference not in payment.wrong_charges:
        payment = replace(payment, wrong_charges=(*payment.wrong_charges, message.reference))
    if payment.status not in OPEN:
        return Transition(payment, (alert,))
    failed = AnnounceFailed(reason="amount_mismatch", message=WRONG_AMOUNT, may_retry=False)
    return Transition(
        replace(payment, status=Status.FAILED, reference=message.reference), (failed, alert)
    )


def _fail(payment: Payment, message: ChargeFailed) -> Transition:
    if payment.status not in OPEN:
        return Transition(payment)
    failed = replace(
        payment, status=Status.FAILED, reference=message.reference or payment.reference
    )
    announce = AnnounceFailed(reason=message.reason, message=message.message, may_retry=True)
    if payment.status is Status.ACTION_REQUIRED:
        # The customer still holds a link or a secret; close it so that no late capture comes.
        return Transition(failed, (announce, CallProvider(call=Call.CANCEL)))
    return Transition(failed, (announce,))
