"""The table of the state machine, row by row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from shop_payment.domain import (
    Alert,
    AnnounceActionRequired,
    AnnounceCaptured,
    AnnounceFailed,
    AnnounceRefunded,
    AnnounceRefundFailed,
    AnnounceSecondChargeReturned,
    Call,
    CallProvider,
    ChargeFailed,
    CustomerApproved,
    CustomerMustAct,
    Message,
    Method,
    MoneyCaptured,
    OrderAbandoned,
    OrderPlaced,
    Payment,
    RefundAnswered,
    RefundRefusedError,
    RefundReported,
    RefundStatus,
    RequestRefund,
    Status,
    StockReserved,
    Superseded,
    Total,
    decide,
    retry,
)

TOTAL = Total(amount=1999, currency="USD")
METHOD = Method(provider="stripe", name="card", currency="USD")
PLACED = OrderPlaced(customer_id=UUID(int=3), method=METHOD)
RESERVED = StockReserved(customer_id=UUID(int=3), total=TOTAL)
CAPTURED = MoneyCaptured(reference="pi_1", total=TOTAL)
DECLINED = ChargeFailed(reason="declined", message="insufficient funds")
MUST_ACT = CustomerMustAct(
    reference="pi_1", action={"type": "redirect"}, expires_at=datetime(2030, 1, 1, tzinfo=UTC)
)
LOOK = CallProvider(call=Call.FETCH_REFUNDS)
HALF = RequestRefund(refund_id=UUID(int=9), amount=1000, reason="damaged")


def after(*messages: Message) -> Payment:
    payment = Payment(id=UUID(int=1), order_id=UUID(int=2))
    for message in messages:
        payment = decide(payment, message).state
    return payment


@pytest.mark.parametrize("order", [(PLACED, RESERVED), (RESERVED, PLACED)])
def test_the_second_of_method_and_amount_starts_the_charge(order: tuple[Message, Message]) -> None:
    assert after(order[0]).status is Status.WAITING
    transition = decide(after(order[0]), order[1])
    assert transition.state.status is Status.PENDING
    assert transition.effects == (CallProvider(call=Call.CHARGE),)


def test_a_price_in_another_currency_is_not_charged() -> None:
    euros = StockReserved(customer_id=UUID(int=3), total=Total(amount=5, currency="EUR"))
    transition = decide(after(PLACED), euros)
    assert transition.state.status is Status.FAILED
    assert not [e for e in transition.effects if isinstance(e, CallProvider)]


def test_capture_is_announced_once() -> None:
    first = decide(after(PLACED, RESERVED), CAPTURED)
    assert first.effects == (AnnounceCaptured(),)
    assert decide(first.state, CAPTURED).effects == ()


def test_a_customer_who_must_act_then_pays() -> None:
    transition = decide(after(PLACED, RESERVED), MUST_ACT)
    assert isinstance(transition.effects[0], AnnounceActionRequired)
    assert decide(transition.state, MUST_ACT).effects == ()
    assert decide(transition.state, CAPTURED).state.status is Status.CAPTURED


def test_an_approved_payment_is_captured_unless_its_order_is_closed() -> None:
    approved = CustomerApproved(reference="pi_1")
    assert decide(after(PLACED, RESERVED, MUST_ACT), approved).effects == (
        CallProvider(call=Call.CAPTURE),
    )
    closed = after(PLACED, RESERVED, MUST_ACT, OrderAbandoned())
    assert decide(closed, approved).effects == ()


def test_a_decline_is_final_and_closes_what_the_customer_holds() -> None:
    assert decide(after(PLACED, RESERVED), DECLINED).effects == (
        AnnounceFailed(reason="declined", message="insufficient funds", may_retry=True),
    )
    assert (
        CallProvider(call=Call.CANCEL)
        in decide(after(PLACED, RESERVED, MUST_ACT), DECLINED).effects
    )


def test_a_late_decline_does_not_undo_a_capture() -> None:
    captured = after(PLACED, RESERVED, CAPTURED)
    assert decide(captured, DECLINED).state == captured


@pytest.mark.parametrize(
    "wrong", [Total(amount=1, currency="USD"), Total(amount=1999, currency="EUR")]
)
def test_money_of_another_amount_or_currency_is_refused_and_alerted(wrong: Total) -> None:
    transition = decide(after(PLACED, RESERVED), MoneyCaptured(reference="pi_1", total=wrong))
    assert transition.state.status is Status.FAILED
    assert transition.state.captured == 0
    failed, alert = transition.effects
    assert isinstance(failed, AnnounceFailed)
    assert failed.reason == "amount_mismatch"
    assert isinstance(alert, Alert)


def test_a_second_charge_of_the_same_order_is_alerted() -> None:
    other = MoneyCaptured(reference="pi_2", total=TOTAL)
    transition = decide(after(PLACED, RESERVED, CAPTURED), other)
    assert transition.state.captured == 1999
    assert [e.kind for e in transition.effects if isinstance(e, Alert)] == ["double_capture"]


def test_a_failed_charge_that_is_paid_late_is_the_orders_payment() -> None:
    late = decide(after(PLACED, RESERVED, DECLINED), CAPTURED)
    assert (late.state.status, late.effects) == (Status.CAPTURED, (AnnounceCaptured(),))
    closed = decide(late.state, OrderAbandoned()).state
    assert (closed.status, closed.refundable) == (Status.REFUNDING, 0)


def test_a_failed_charge_that_is_paid_when_another_has_its_place_goes_back_unsaid() -> None:
    failed = after(PLACED, RESERVED, DECLINED)
    made = retry(failed, attempt=2, payment_id=UUID(int=9), method=METHOD)
    assert made is not None
    assert made.failed.effects == (CallProvider(call=Call.CANCEL),)
    assert made.started.effects == (CallProvider(call=Call.CHARGE),)
    assert (made.started.state.attempt, made.started.state.total) == (2, TOTAL)
    late = decide(made.failed.state, CAPTURED)
    (refund,) = late.state.refunds
    assert late.effects == (CallProvider(call=Call.REFUND, refund_id=refund.id),)


def test_an_attempt_is_started_once_and_only_in_place_of_a_failed_one() -> None:
    failed = after(PLACED, RESERVED, DECLINED)
    for attempt in (1, 3):
        assert retry(failed, attempt=attempt, payment_id=UUID(int=9), method=METHOD) is None
    for other in (
        after(PLACED, RESERVED),
        after(PLACED, RESERVED, CAPTURED),
        after(PLACED, RESERVED, DECLINED, CAPTURED),
        after(PLACED, RESERVED, DECLINED, OrderAbandoned()),
        after(PLACED, RESERVED, DECLINED, Superseded()),
    ):
        assert retry(other, attempt=2, payment_id=UUID(int=9), method=METHOD) is None


@pytest.mark.parametrize(
    "ends", [(OrderAbandoned(),), (DECLINED, OrderAbandoned()), (OrderAbandoned(), DECLINED)]
)
def test_a_late_capture_goes_back_once(ends: tuple[Message, ...]) -> None:
    late = decide(after(PLACED, RESERVED, *ends), CAPTURED)
    assert late.state.status is Status.REFUNDING
    (refund,) = late.state.refunds
    assert late.effects == (
        AnnounceCaptured(),
        CallProvider(call=Call.REFUND, refund_id=refund.id),
    )
    assert decide(late.state, CAPTURED).effects == ()
    assert decide(late.state, OrderAbandoned()).effects == ()


def test_an_order_closed_after_a_partial_refund_returns_only_the_rest() -> None:
    transition = decide(after(PLACED, RESERVED, CAPTURED, HALF), OrderAbandoned())
    assert [r.amount for r in transition.state.refunds] == [1000, 999]


def test_partial_refunds_add_up_and_never_exceed_the_capture() -> None:
    half_back = RefundAnswered(refund_id=HALF.refund_id, status=RefundStatus.SUCCEEDED)
    transition = decide(after(PLACED, RESERVED, CAPTURED, HALF), half_back)
    assert transition.state.status is Status.PARTIALLY_REFUNDED
    assert transition.effects == (AnnounceRefunded(refund_id=HALF.refund_id, amount=1000),)
    too_much = RequestRefund(refund_id=UUID(int=8), amount=1000, reason="again")
    with pytest.raises(RefundRefusedError):
        decide(transition.state, too_much)
    rest = RequestRefund(refund_id=UUID(int=8), amount=999, reason="rest")
    all_asked = decide(transition.state, rest).state
    answer = RefundAnswered(refund_id=rest.refund_id, status=RefundStatus.SUCCEEDED)
    assert decide(all_asked, answer).state.status is Status.REFUNDED


def test_a_refund_made_elsewhere_is_booked_once_and_asked_of_nobody() -> None:
    paid = after(PLACED, RESERVED, CAPTURED)
    elsewhere = replace(HALF, elsewhere=True)
    booked = decide(paid, elsewhere)
    assert booked.state.status is Status.PARTIALLY_REFUNDED
    assert booked.effects == (AnnounceRefunded(refund_id=HALF.refund_id, amount=1000),)
    assert decide(booked.state, elsewhere).effects == ()
    with pytest.raises(RefundRefusedError):
        decide(booked.state, replace(elsewhere, refund_id=UUID(int=10)))


def test_an_unpaid_payment_has_nothing_to_refund() -> None:
    with pytest.raises(RefundRefusedError):
        decide(after(PLACED, RESERVED), HALF)


def test_a_refused_refund_can_be_asked_again_and_is_alerted() -> None:
    refused = decide(
        after(PLACED, RESERVED, CAPTURED, HALF),
        RefundAnswered(refund_id=HALF.refund_id, status=RefundStatus.FAILED),
    )
    assert refused.state.status is Status.CAPTURED
    assert refused.state.refundable == 1999
    assert [e.kind for e in refused.effects if isinstance(e, Alert)] == ["refund_failed"]
    assert LOOK in refused.effects, "it may be back already, by the dashboard"


def test_a_refund_that_came_back_is_told_as_the_orders_where_the_refund_was() -> None:
    failed = RefundAnswered(refund_id=HALF.refund_id, status=RefundStatus.FAILED)
    made = replace(failed, status=RefundStatus.SUCCEEDED)
    ours = after(PLACED, RESERVED, CAPTURED, HALF)
    replaced = replace(ours, superseded=True)
    for before in (ours, decide(ours, made).state):
        told = decide(before, failed).effects
        assert AnnounceRefundFailed(refund_id=HALF.refund_id, amount=1000) in told
    for before in (replaced, decide(replaced, made).state):
        effects = [e for e in decide(before, failed).effects if e != LOOK]
        assert [e.kind for e in effects if isinstance(e, Alert)] == ["refund_failed"]
        assert len(effects) == 1, "the order's money is another attempt's"


FREE = StockReserved(customer_id=UUID(int=3), total=Total(amount=0, currency="EUR"))


@pytest.mark.parametrize("order", [(PLACED, FREE), (FREE, PLACED)])
def test_a_free_order_is_paid_without_a_provider(order: tuple[Message, Message]) -> None:
    """In whatever currency: nothing is nothing."""
    transition = decide(after(order[0]), order[1])
    assert transition.effects == (AnnounceCaptured(),)
    assert (transition.state.status, transition.state.captured) == (Status.CAPTURED, 0)
    for again in (*order, OrderAbandoned(), OrderAbandoned()):
        transition = decide(transition.state, again)
        assert transition.effects == ()
    assert transition.state.status is Status.CANCELLED


def test_a_refund_on_the_dashboard_is_booked_once_and_one_that_does_not_fit_is_alerted() -> None:
    def reported(amount: int, currency: str = "USD", reference: str = "re_1") -> RefundReported:
        total = Total(amount=amount, currency=currency)
        return RefundReported(reference=reference, total=total, status=RefundStatus.SUCCEEDED)

    paid = after(PLACED, RESERVED, CAPTURED)
    first = decide(paid, reported(1000))
    assert first.state.status is Status.PARTIALLY_REFUNDED
    assert [type(effect) for effect in first.effects] == [AnnounceRefunded]
    assert decide(first.state, reported(1000)).effects == ()
    for odd in (reported(1000, reference="re_2"), reported(1, "EUR", "re_3")):
        refused = decide(first.state, odd)
        assert refused.state == first.state
        assert [e.kind for e in refused.effects if isinstance(e, Alert)] == ["unbooked_refund"]
    assert decide(first.state, reported(999, reference="re_4")).state.status is Status.REFUNDED


def test_a_second_charge_is_refunded_once_and_is_no_part_of_the_books() -> None:
    other = MoneyCaptured(reference="pi_2", total=TOTAL)
    second = decide(after(PLACED, RESERVED, CAPTURED), other)
    (duplicate,) = second.state.duplicates
    assert second.effects[1:] == (CallProvider(call=Call.REFUND, refund_id=duplicate.id),)
    assert decide(second.state, other).effects == ()
    answer = RefundAnswered(refund_id=duplicate.id, status=RefundStatus.SUCCEEDED, reference="re")
    settled = decide(second.state, answer)
    assert settled.effects == (AnnounceSecondChargeReturned(amount=1999, currency="USD"),)
    assert (settled.state.refunded, settled.state.refundable) == (0, 1999)
    assert settled.state.status is Status.CAPTURED
    failed = decide(
        second.state, RefundAnswered(refund_id=duplicate.id, status=RefundStatus.FAILED)
    )
    assert [e.kind for e in failed.effects if isinstance(e, Alert)] == ["refund_failed"]
    assert LOOK in failed.effects
    by_hand = decide(failed.state, answer)
    assert by_hand.effects == settled.effects
    assert decide(by_hand.state, answer).effects == ()
