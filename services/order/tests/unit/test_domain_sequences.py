"""Money, address and deadline of an order, where one message is not the whole story."""

from dataclasses import replace

import pytest

from shop_order.domain import (
    AddressLockedError,
    Cancelled,
    CancelOrder,
    ChangeAddress,
    Confirmed,
    InventoryReserved,
    NotAwaitingPaymentError,
    PaymentCaptured,
    PaymentFailed,
    PaymentFailure,
    PaymentRetried,
    RefundFailed,
    RetryPayment,
    ShipmentFailed,
    Status,
    decide,
)
from shop_shared.money import Money

from .orders import CAPTURED, DEADLINE, FULL, LATE, PLACED, PRICED, RESERVED, TOTAL, order

ELSEWHERE = ChangeAddress({"line1": "2 Side Street"})


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


def test_money_that_came_back_is_owed_again_until_it_goes_another_way() -> None:
    cancelled = replace(order(Status.REFUNDED), cancel_reason="customer")
    owed = decide(cancelled, RefundFailed(Money(498, "USD"))).state
    assert (owed.status, owed.refunded_amount, owed.settled) == (Status.CANCELLED, 498, False)
    assert decide(owed, RefundFailed(Money(498, "USD"))).state is owed
    again = decide(owed, FULL).state
    assert (again.status, again.refunded_amount) == (Status.REFUNDED, TOTAL.amount)


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
