"""The table of the state machine, row by row."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from shop_payment.domain import (
    Alert,
    AnnounceActionRequired,
    AnnounceCaptured,
    AnnounceFailed,
    AnnounceRefunded,
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
    RefundStatus,
    RequestRefund,
    Status,
    StockReserved,
    Total,
    decide,
)

TOTAL = Total(amount=1999, currency="USD")
PLACED = OrderPlaced(
    customer_id=UUID(int=3), method=Method(provider="stripe", name="card", currency="USD")
)
RESERVED = StockReserved(customer_id=UUID(int=3), total=TOTAL)
CAPTURED = MoneyCaptured(reference="pi_1", total=TOTAL)
DECLINED = ChargeFailed(reason="declined", message="insufficient funds")
MUST_ACT = CustomerMustAct(
    reference="pi_1", action={"type": "redirect"}, expires_at=datetime(2030, 1, 1, tzinfo=UTC)
)
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
        AnnounceFailed(reason="declined", message="insufficient funds"),
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


@pytest.mark.parametrize("end", [OrderAbandoned(), DECLINED])
def test_a_late_capture_goes_back_once(end: Message) -> None:
    late = decide(after(PLACED, RESERVED, end), CAPTURED)
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
