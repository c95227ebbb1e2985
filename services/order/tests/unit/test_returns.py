"""Returns: what may be returned, what each message makes of one, and the sums of many."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop_order.domain import Line, Order, Status
from shop_order.domain.returns import (
    Approve,
    Receive,
    Refuse,
    Return,
    ReturnDecidedError,
    ReturnEffect,
    ReturnMessage,
    ReturnNotPossibleError,
    ReturnRefundCameBack,
    ReturnRefunded,
    ReturnRefundFailed,
    ReturnStatus,
    decide_return,
    left_to_refund,
    request_return,
    settled_by_hand,
)
from shop_shared.money import Money

DELIVERED = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW = timedelta(days=30)
MUG, PLATE = UUID(int=7), UUID(int=8)
TOTAL = Money(2 * 999 + 3 * 500, "USD")
ORDER = Order(
    id=UUID(int=1),
    number="MS-7K3Q-9F25",
    customer_id=UUID(int=2),
    lines=(
        Line(MUG, 2, sku="MUG", name="Mug", unit_price=Money(999, "USD")),
        Line(PLATE, 3, sku="PLATE", name="Plate", unit_price=Money(500, "USD")),
    ),
    payment={"currency": "USD"},
    shipping_address={},
    placed_at=DELIVERED,
    deadline=None,
    status=Status.DELIVERED,
    total=TOTAL,
    captured=TOTAL,
)


def ask(
    *earlier: Return,
    wanted: dict[UUID, int] | None = None,
    order: Order = ORDER,
    after: timedelta = timedelta(days=1),
) -> Return:
    return request_return(
        order,
        earlier,
        delivered_at=DELIVERED,
        return_id=UUID(int=100 + len(earlier)),
        wanted=wanted,
        reason="damaged",
        now=DELIVERED + after,
        window=WINDOW,
    )


def test_without_lines_all_of_the_order_is_returned() -> None:
    whole = ask()
    assert (whole.lines, whole.refund) == (ORDER.lines, TOTAL)


def test_some_units_are_returned_at_their_price_and_the_rest_later() -> None:
    some = ask(wanted={PLATE: 2})
    assert [(line.product_id, line.quantity) for line in some.lines] == [(PLATE, 2)]
    assert some.refund == Money(1000, "USD")
    rest = ask(some)
    assert {line.product_id: line.quantity for line in rest.lines} == {MUG: 2, PLATE: 1}
    assert rest.refund.amount + some.refund.amount == TOTAL.amount
    with pytest.raises(ReturnNotPossibleError, match="all of it"):
        ask(some, rest)
    refused = replace(rest, status=ReturnStatus.REFUSED)
    assert ask(some, refused).lines == rest.lines, "what was refused can be asked for again"


@pytest.mark.parametrize("wanted", [{MUG: 3}, {UUID(int=9): 1}, {MUG: 1, PLATE: 4}])
def test_more_than_was_delivered_is_not_returned(wanted: dict[UUID, int]) -> None:
    with pytest.raises(ReturnNotPossibleError) as refused:
        ask(wanted=wanted)
    assert refused.value.field == "items"


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.DELIVERED}))
def test_only_delivered_orders_are_returned(status: Status) -> None:
    with pytest.raises(ReturnNotPossibleError, match=status):
        ask(order=replace(ORDER, status=status))


def test_a_return_is_asked_for_within_its_days() -> None:
    assert ask(after=WINDOW).status is ReturnStatus.REQUESTED
    with pytest.raises(ReturnNotPossibleError, match="30 days"):
        ask(after=WINDOW + timedelta(microseconds=1))


RECEIVE = Receive(restock=True, left=TOTAL)
REFUNDED = ReturnRefunded(TOTAL)
CAME_BACK = ReturnRefundCameBack(UUID(int=100))
EFFECTS = {
    (ReturnStatus.REQUESTED, Approve()): (ReturnStatus.APPROVED, (ReturnEffect.APPROVED,)),
    (ReturnStatus.REQUESTED, Refuse("no")): (ReturnStatus.REFUSED, (ReturnEffect.REFUSED,)),
    (ReturnStatus.APPROVED, RECEIVE): (ReturnStatus.RECEIVED, (ReturnEffect.RECEIVED,)),
    (ReturnStatus.RECEIVED, REFUNDED): (ReturnStatus.REFUNDED, ()),
    (ReturnStatus.REFUND_FAILED, REFUNDED): (ReturnStatus.REFUNDED, ()),
    (ReturnStatus.RECEIVED, ReturnRefundFailed()): (ReturnStatus.REFUND_FAILED, ()),
    (ReturnStatus.REFUNDED, CAME_BACK): (ReturnStatus.REFUND_FAILED, ()),
}
SAME = {
    (ReturnStatus.APPROVED, Approve()),
    (ReturnStatus.REFUSED, Refuse("no")),
    *((status, RECEIVE) for status in ("received", "refunded", "refund_failed")),
}


def at(status: ReturnStatus) -> Return:
    here = status in {ReturnStatus.RECEIVED, ReturnStatus.REFUNDED, ReturnStatus.REFUND_FAILED}
    refusal = "no" if status is ReturnStatus.REFUSED else None
    return replace(ask(), status=status, restock=True if here else None, refusal=refusal)


@pytest.mark.parametrize(
    "message",
    [Approve(), Refuse("no"), RECEIVE, REFUNDED, ReturnRefundFailed(), CAME_BACK],
    ids=repr,
)
@pytest.mark.parametrize("status", ReturnStatus)
def test_every_status_meets_every_message(status: ReturnStatus, message: ReturnMessage) -> None:
    before = at(status)
    if (status, message) in EFFECTS:
        made = decide_return(before, message)
        assert (made.state.status, made.effects) == EFFECTS[status, message]
        assert made.state.version == before.version + 1
    elif (status, message) in SAME or isinstance(
        message, ReturnRefunded | ReturnRefundFailed | ReturnRefundCameBack
    ):
        assert decide_return(before, message).state is before
    else:
        with pytest.raises(ReturnDecidedError, match=status):
            decide_return(before, message)


def test_the_same_command_with_another_word_is_refused() -> None:
    with pytest.raises(ReturnDecidedError):
        decide_return(at(ReturnStatus.REFUSED), Refuse("another reason"))
    with pytest.raises(ReturnDecidedError):
        decide_return(at(ReturnStatus.RECEIVED), Receive(restock=False, left=TOTAL))


def test_money_that_is_back_already_is_not_asked_for_again() -> None:
    goodwill = replace(ORDER, refunded_amount=3000)
    left = left_to_refund(goodwill, [])
    received = decide_return(at(ReturnStatus.APPROVED), Receive(restock=False, left=left)).state
    assert received.refund == Money(498, "USD")
    nothing = Receive(restock=False, left=Money(0, "USD"))
    ended = decide_return(at(ReturnStatus.APPROVED), nothing)
    assert (ended.state.status, ended.state.refund.amount) == (ReturnStatus.REFUNDED, 0)
    assert ended.effects == (ReturnEffect.RECEIVED,), "its units go back to the shelf all the same"


def test_a_refund_by_hand_settles_what_it_was_made_for() -> None:
    mug = replace(ask(wanted={MUG: 1}), status=ReturnStatus.REFUND_FAILED)
    same = replace(mug, id=UUID(int=101))
    plate = replace(ask(wanted={PLATE: 1}), id=UUID(int=102), status=ReturnStatus.REFUND_FAILED)
    waits = replace(mug, id=UUID(int=103), status=ReturnStatus.RECEIVED)
    returns = [waits, mug, same, plate]
    assert settled_by_hand(returns, mug.refund, full=False) == [mug]
    assert settled_by_hand(returns, plate.refund, full=False) == [plate]
    assert settled_by_hand(returns, Money(1, "USD"), full=False) == []
    assert settled_by_hand(returns, Money(1, "USD"), full=True) == [mug, same, plate]


def test_a_return_is_owed_its_money_again_if_just_the_refund_that_brought_it_came_back() -> None:
    by_hand = UUID(int=200)
    failed = at(ReturnStatus.REFUND_FAILED)
    settled = decide_return(failed, ReturnRefunded(failed.refund, by=by_hand)).state
    assert decide_return(settled, ReturnRefundCameBack(settled.id)).state is settled
    owed = decide_return(settled, ReturnRefundCameBack(by_hand)).state
    assert (owed.status, owed.settled_by) == (ReturnStatus.REFUND_FAILED, None)
    assert settled_by_hand([owed], owed.refund, full=False) == [owed]


@given(st.data())
def test_no_unit_and_no_money_comes_back_twice(data: st.DataObject) -> None:
    """Any returns of an order, decided in any order, with refunds by hand between them."""
    order, returns = ORDER, list[Return]()
    for _ in range(data.draw(st.integers(1, 25))):
        step = data.draw(st.integers(0, 3))
        if step == 0:
            wanted = data.draw(
                st.none()
                | st.dictionaries(st.sampled_from([MUG, PLATE]), st.integers(1, 3), min_size=1)
            )
            try:
                returns.append(ask(*returns, wanted=wanted, order=order))
            except ReturnNotPossibleError:
                continue
        elif step == 1:  # goodwill
            under_way = sum(r.refund.amount for r in returns if r.status is ReturnStatus.RECEIVED)
            free = TOTAL.amount - order.refunded_amount - under_way
            amount = data.draw(st.integers(0, free))
            order = replace(order, refunded_amount=order.refunded_amount + amount)
        elif returns:
            index = data.draw(st.integers(0, len(returns) - 1))
            chosen = returns[index]
            others = [each for each in returns if each is not chosen]
            messages: list[ReturnMessage] = [
                Approve(),
                Refuse("no"),
                Receive(restock=True, left=left_to_refund(order, others)),
                ReturnRefunded(chosen.refund),
                ReturnRefundFailed(),
            ]
            message = data.draw(st.sampled_from(messages))
            try:
                made = decide_return(chosen, message).state
            except ReturnDecidedError:
                continue
            paid_back = made.status is ReturnStatus.REFUNDED and isinstance(message, ReturnRefunded)
            if paid_back and chosen.status is not ReturnStatus.REFUNDED:
                if chosen.status is ReturnStatus.REFUND_FAILED:
                    continue  # a person has seen to it
                order = replace(order, refunded_amount=order.refunded_amount + made.refund.amount)
            returns[index] = made
        assert order.refunded_amount <= TOTAL.amount
        for line in ORDER.lines:
            back = sum(
                each.quantity
                for one in returns
                if one.status is not ReturnStatus.REFUSED
                for each in one.lines
                if each.product_id == line.product_id
            )
            assert back <= line.quantity
