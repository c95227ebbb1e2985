"""Any messages, in any order, with duplicates: the books stay right."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from shop_payment.domain import (
    Alert,
    AnnounceCaptured,
    AnnounceFailed,
    AnnounceRefunded,
    AnnounceSecondChargeReturned,
    Call,
    CallProvider,
    ChargeDisputed,
    ChargeFailed,
    ChargePending,
    CustomerApproved,
    CustomerMustAct,
    Effect,
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
)

PAYMENT = UUID(int=1)
CUSTOMER = UUID(int=3)
TOTAL = Total(amount=1999, currency="USD")
LATER = datetime(2030, 1, 1, tzinfo=UTC)
METHOD = Method(provider="stripe", name="card", currency="USD")
HAND_MADE = [UUID(int=n) for n in (10, 11, 12)]
AUTOMATIC = [uuid5(PAYMENT, f"give-back:{n}") for n in range(2)]

references = st.sampled_from(["pi_1", "pi_2"])
messages: st.SearchStrategy[Message] = st.one_of(
    st.just(OrderPlaced(customer_id=CUSTOMER, method=METHOD)),
    st.just(StockReserved(customer_id=CUSTOMER, total=TOTAL)),
    st.just(OrderAbandoned()),
    st.just(Superseded()),
    st.builds(ChargePending, reference=references),
    st.builds(CustomerApproved, reference=references),
    st.builds(
        CustomerMustAct,
        reference=references,
        action=st.just({"type": "redirect"}),
        expires_at=st.just(LATER),
    ),
    st.builds(
        MoneyCaptured,
        reference=references,
        total=st.sampled_from([TOTAL, TOTAL, Total(amount=1, currency="USD")]),
    ),
    st.builds(
        RefundReported,
        reference=st.sampled_from(["re_1", "re_2"]),
        total=st.sampled_from([TOTAL, Total(amount=900, currency="USD")]),
        status=st.sampled_from(RefundStatus),
    ),
    st.builds(ChargeDisputed, reference=references, detail=st.just("fraud")),
    st.builds(ChargeFailed, reason=st.just("declined"), message=st.just("no")),
    st.builds(
        RequestRefund,
        refund_id=st.sampled_from(HAND_MADE),
        amount=st.integers(-5, 2500),
        reason=st.just("asked"),
    ),
    st.builds(
        RefundAnswered,
        refund_id=st.sampled_from(HAND_MADE + AUTOMATIC),
        status=st.sampled_from(RefundStatus),
    ),
)


def run(history: list[Message]) -> tuple[Payment, list[Effect]]:
    payment = Payment(id=PAYMENT, order_id=UUID(int=2))
    effects: list[Effect] = []
    for message in history:
        try:
            transition = decide(payment, message)
        except RefundRefusedError:
            continue
        payment = transition.state
        effects += transition.effects
        assert 0 <= payment.refunded <= payment.captured
        assert 0 <= payment.refundable <= payment.captured
    return payment, effects


@given(st.lists(messages, max_size=40))
def test_one_charge_one_capture_and_no_refund_twice(history: list[Message]) -> None:
    payment, effects = run(history)
    assert effects.count(CallProvider(call=Call.CHARGE)) <= 1
    announced = effects.count(AnnounceCaptured())
    assert announced == (1 if payment.captured and not payment.superseded else 0)
    second = [e for e in effects if isinstance(e, Alert) and e.kind == "double_capture"]
    assert len(second) == len(payment.duplicates)
    assert sum(isinstance(e, AnnounceFailed) for e in effects) <= 1
    refunded = [e for e in effects if isinstance(e, AnnounceRefunded)]
    assert len({e.refund_id for e in refunded}) == len(refunded)
    assert sum(e.amount for e in refunded) == (0 if payment.superseded else payment.refunded)


@given(st.lists(messages, max_size=40))
def test_money_of_a_superseded_attempt_is_said_to_be_back_and_kept_by_nobody(
    history: list[Message],
) -> None:
    payment, effects = run([*history, Superseded()])
    if not payment.superseded:
        return
    for refund in payment.refunds:
        transition = decide(
            payment, RefundAnswered(refund_id=refund.id, status=RefundStatus.SUCCEEDED)
        )
        payment = transition.state
        effects += transition.effects
    if any(r.status is RefundStatus.FAILED for r in payment.refunds):
        return  # the provider refused to return it: that is a person's, and alerted
    assert payment.refunded == payment.captured
    returned = [e for e in effects if isinstance(e, AnnounceSecondChargeReturned)]
    assert sum(e.amount for e in returned) == payment.captured
    assert AnnounceCaptured() not in effects
    assert not [e for e in effects if isinstance(e, AnnounceRefunded)]


@given(st.lists(messages, max_size=40))
def test_an_abandoned_order_keeps_no_money_once_its_refunds_are_answered(
    history: list[Message],
) -> None:
    payment, _ = run([*history, OrderAbandoned()])
    for refund in payment.refunds:
        payment = decide(
            payment, RefundAnswered(refund_id=refund.id, status=RefundStatus.SUCCEEDED)
        ).state
    if any(r.automatic and r.status is RefundStatus.FAILED for r in payment.refunds):
        return  # the provider refused to return it: that is a person's, and alerted
    assert payment.refunded == payment.captured
    assert payment.status in {Status.CANCELLED, Status.FAILED, Status.REFUNDED}


@given(st.lists(messages, max_size=25))
def test_every_fact_told_three_times_ends_the_same(history: list[Message]) -> None:
    once, effects = run(history)
    thrice, effects_of_thrice = run([f for message in history for f in (message, message, message)])
    assert thrice == once
    announced = [e for e in effects if not isinstance(e, CallProvider)]
    assert {str(e) for e in announced} == {
        str(e) for e in effects_of_thrice if not isinstance(e, CallProvider)
    }


@given(st.lists(messages, max_size=40), messages)
def test_a_full_refund_is_final(history: list[Message], more: Message) -> None:
    payment, _ = run(history)
    if payment.status is not Status.REFUNDED:
        return
    after, effects = run([*history, more])
    assert after.status is Status.REFUNDED
    assert not [e for e in effects if e == CallProvider(call=Call.CHARGE)][1:]


@given(
    st.permutations(
        [
            OrderPlaced(customer_id=CUSTOMER, method=METHOD),
            OrderAbandoned(),
            StockReserved(customer_id=CUSTOMER, total=TOTAL),
        ]
    )
)
def test_an_order_closed_before_both_are_known_is_never_charged(history: list[Message]) -> None:
    payment, effects = run(history)
    charged = CallProvider(call=Call.CHARGE) in effects
    cancelled = CallProvider(call=Call.CANCEL) in effects
    assert payment.status is Status.CANCELLED
    assert charged == cancelled == (history[-1] == OrderAbandoned())
