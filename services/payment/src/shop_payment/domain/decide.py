"""What a payment may become: a pure state machine.

    waiting -> pending -> action_required -> captured | failed | cancelled
                                             captured -> refunding -> refunded | partially_refunded

`decide(payment, fact)` answers the payment after the fact and the effects that follow. A fact that
comes late, twice or out of order is no error; it changes nothing. Two rules carry the rest: money
is charged once, and money that arrives for a closed order goes back once.
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
from shop_payment.domain.facts import (
    ChargeFailed,
    ChargePending,
    CustomerApproved,
    CustomerMustAct,
    Fact,
    MoneyCaptured,
    OrderAbandoned,
    OrderPlaced,
    RefundAnswered,
    RefundRequested,
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
class Decision:
    """The payment after a fact, and what follows from it."""

    payment: Payment
    effects: tuple[Effect, ...] = ()


class RefundRefusedError(Exception):
    """The refund asks for more than is left, or there is nothing captured to refund."""


def decide(payment: Payment, fact: Fact) -> Decision:  # noqa: C901, PLR0911, PLR0912 - one arm a fact
    """Apply a fact to a payment.

    Raises RefundRefusedError when a requested refund is more than what is left.
    """
    match fact:
        case OrderPlaced():
            if payment.method is not None:
                return Decision(payment)
            return _start(replace(payment, method=fact.method, customer_id=fact.customer_id))
        case StockReserved():
            if payment.total is not None:
                return Decision(payment)
            known = replace(payment, total=fact.total, pay_until=fact.until)
            return _start(replace(known, customer_id=fact.customer_id))
        case OrderAbandoned():
            return _abandon(payment)
        case ChargePending():
            return _learn_reference(payment, fact.reference)
        case CustomerMustAct():
            return _require_action(payment, fact)
        case CustomerApproved():
            learned = replace(payment, reference=fact.reference)
            if payment.status in OPEN:
                return Decision(learned, (CallProvider(call=Call.CAPTURE),))
            return Decision(payment)
        case MoneyCaptured():
            return _capture(payment, fact)
        case ChargeFailed():
            return _fail(payment, fact)
        case RefundRequested():
            return _request_refund(payment, fact)
        case RefundAnswered():
            return _answer_refund(payment, fact)
        case _:
            assert_never(fact)


def tells_nothing_new(payment: Payment, claimed: Total) -> bool:
    """Whether a notice that this much was captured only repeats what is already in the books."""
    return payment.captured > 0 and payment.total == claimed


def _start(payment: Payment) -> Decision:
    """Charge once the second of order.placed and inventory.reserved is in."""
    if payment.status is not Status.WAITING or payment.method is None or payment.total is None:
        return Decision(payment)
    if payment.method.currency != payment.total.currency:
        message = (
            f"the order is in {payment.total.currency}, the payment in {payment.method.currency}"
        )
        return Decision(
            replace(payment, status=Status.FAILED),
            (AnnounceFailed(reason="provider_error", message=message),),
        )
    return Decision(replace(payment, status=Status.PENDING), (CallProvider(call=Call.CHARGE),))


def _abandon(payment: Payment) -> Decision:
    if payment.abandoned:
        return Decision(payment)
    abandoned = replace(payment, abandoned=True)
    if payment.status is Status.WAITING:
        return Decision(replace(abandoned, status=Status.CANCELLED))
    if payment.status in OPEN:
        # A charge may be under way: the cancel waits behind it, and a capture that wins goes back.
        return Decision(
            replace(abandoned, status=Status.CANCELLED), (CallProvider(call=Call.CANCEL),)
        )
    return _give_back(abandoned)


def _learn_reference(payment: Payment, reference: str) -> Decision:
    if payment.reference == reference:
        return Decision(payment)
    learned = replace(payment, reference=reference)
    if payment.status in CLOSED_UNPAID:
        return Decision(learned, (CallProvider(call=Call.CANCEL),))
    return Decision(learned)


def _require_action(payment: Payment, fact: CustomerMustAct) -> Decision:
    learned = _learn_reference(payment, fact.reference)
    if payment.status is not Status.PENDING:
        return learned
    return Decision(
        replace(learned.payment, status=Status.ACTION_REQUIRED),
        (AnnounceActionRequired(action=fact.action, expires_at=fact.expires_at),),
    )


def _capture(payment: Payment, fact: MoneyCaptured) -> Decision:
    if fact.total != payment.total:
        return _refuse_amount(payment, fact)
    if payment.captured:
        if fact.reference == payment.reference:
            return Decision(payment)
        detail = f"{fact.reference} captured beside {payment.reference}"
        return Decision(payment, (Alert(kind="double_capture", detail=detail),))
    captured = replace(
        payment, status=Status.CAPTURED, captured=fact.total.amount, reference=fact.reference
    )
    if payment.status in OPEN:
        return Decision(captured, (AnnounceCaptured(),))
    late = _give_back(captured)
    return Decision(late.payment, (AnnounceCaptured(), *late.effects))


def _refuse_amount(payment: Payment, fact: MoneyCaptured) -> Decision:
    """Money of another amount is never taken for ours; a person sorts it out with the provider."""
    detail = f"expected {payment.total}, provider captured {fact.total} ({fact.reference})"
    alert = Alert(kind="amount_mismatch", detail=detail)
    if payment.status not in OPEN:
        return Decision(payment, (alert,))
    failed = AnnounceFailed(reason="amount_mismatch", message="the captured amount is not ours")
    return Decision(
        replace(payment, status=Status.FAILED, reference=fact.reference), (failed, alert)
    )


def _fail(payment: Payment, fact: ChargeFailed) -> Decision:
    if payment.status not in OPEN:
        return Decision(payment)
    failed = replace(payment, status=Status.FAILED, reference=fact.reference or payment.reference)
    announce = AnnounceFailed(reason=fact.reason, message=fact.message)
    if payment.status is Status.ACTION_REQUIRED:
        # The customer still holds a link or a secret; close it so that no late capture comes.
        return Decision(failed, (announce, CallProvider(call=Call.CANCEL)))
    return Decision(failed, (announce,))


def _request_refund(payment: Payment, fact: RefundRequested) -> Decision:
    if payment.refund(fact.refund_id) is not None:
        return Decision(payment)
    if not 0 < fact.amount <= payment.refundable:
        raise RefundRefusedError(
            f"{fact.amount} asked, {payment.refundable} of {payment.captured} left to refund"
        )
    refund = Refund(id=fact.refund_id, amount=fact.amount, reason=fact.reason)
    return _issue(payment, refund)


def _issue(payment: Payment, refund: Refund) -> Decision:
    return Decision(
        replace(payment, status=Status.REFUNDING, refunds=(*payment.refunds, refund)),
        (CallProvider(call=Call.REFUND, refund_id=refund.id),),
    )


def _give_back(payment: Payment) -> Decision:
    """Return all that is left, under an id that follows from the payment: one cause, one refund."""
    if payment.refundable <= 0:
        return Decision(payment)
    nth = sum(r.automatic for r in payment.refunds)
    refund = Refund(
        id=uuid5(payment.id, f"give-back:{nth}"),
        amount=payment.refundable,
        reason="order_closed",
        automatic=True,
    )
    return _issue(payment, refund)


def _answer_refund(payment: Payment, fact: RefundAnswered) -> Decision:
    refund = payment.refund(fact.refund_id)
    if refund is None or refund.status is not RefundStatus.PENDING:
        return Decision(payment)
    answered = replace(refund, status=fact.status, reference=fact.reference or refund.reference)
    refunds = tuple(answered if r.id == refund.id else r for r in payment.refunds)
    payment = replace(payment, refunds=refunds)
    payment = replace(payment, status=_settled(payment))
    if fact.status is RefundStatus.SUCCEEDED:
        return Decision(payment, (AnnounceRefunded(refund_id=refund.id, amount=refund.amount),))
    if fact.status is RefundStatus.FAILED:
        alert = Alert(kind="refund_failed", detail=f"refund {refund.id} of {refund.amount}")
        # What a refund by hand could not return, the closing does; its own failure needs a person.
        again = (
            _give_back(payment) if payment.abandoned and not refund.automatic else Decision(payment)
        )
        return Decision(again.payment, (alert, *again.effects))
    return Decision(payment)


def _settled(payment: Payment) -> Status:
    if any(r.status is RefundStatus.PENDING for r in payment.refunds):
        return Status.REFUNDING
    if payment.refunded == payment.captured:
        return Status.REFUNDED
    return Status.PARTIALLY_REFUNDED if payment.refunded else Status.CAPTURED
