"""Any order of any facts, with duplicates, keeps what must never break."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shop_order.domain import (
    CancelAsked,
    CancellationRequested,
    Cancelled,
    Completed,
    Confirmed,
    DeadlinePassed,
    Decision,
    Expired,
    Fact,
    InventoryRejected,
    InventoryReleased,
    InventoryReserved,
    Line,
    Money,
    NotCancellableError,
    Order,
    PaymentCaptured,
    PaymentFailed,
    PaymentRefunded,
    ShipmentCreated,
    ShipmentDelivered,
    ShipmentFailed,
    ShipmentMoved,
    Status,
    apply,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DEADLINE = NOW + timedelta(minutes=15)
TOTAL = Money(1000, "USD")
ORDER = Order(
    id=UUID(int=1),
    customer_id=UUID(int=2),
    lines=(Line(UUID(int=3), 1),),
    payment={},
    shipping_address={},
    placed_at=NOW,
    deadline=DEADLINE,
)
RESERVED = InventoryReserved((Line(UUID(int=3), 1),), TOTAL, DEADLINE)
CAPTURED = PaymentCaptured(TOTAL)
REFUNDED = PaymentRefunded(TOTAL, full=True)
FACTS: list[Fact] = [
    RESERVED,
    InventoryRejected("out_of_stock"),
    InventoryReleased(),
    CAPTURED,
    PaymentCaptured(Money(1, "USD")),
    PaymentFailed("declined"),
    PaymentRefunded(Money(400, "USD"), full=False),
    REFUNDED,
    ShipmentCreated("MSX"),
    ShipmentMoved(),
    ShipmentDelivered(),
    ShipmentFailed("cancelled"),
    ShipmentFailed("lost"),
    CancelAsked(),
    DeadlinePassed(NOW),
    DeadlinePassed(DEADLINE),
]
# Where an order may go from where it is; what is missing here is impossible.
WAYS = {
    Status.PENDING: {"reserved", "paid", "rejected", "cancelled", "refunded"},
    Status.RESERVED: {"paid", "rejected", "cancelled", "expired", "refunded"},
    Status.PAID: {"cancelling", "shipped", "delivered", "cancelled", "refunded"},
    Status.CANCELLING: {"shipped", "delivered", "cancelled", "refunded"},
    Status.SHIPPED: {"delivered", "cancelled", "refunded"},
    Status.REJECTED: {"refunded"},
    Status.CANCELLED: {"refunded"},
    Status.EXPIRED: {"refunded"},
    Status.DELIVERED: set(),
    Status.REFUNDED: set(),
}


def live(facts: list[Fact], order: Order = ORDER) -> tuple[list[Order], list[Decision]]:
    """Return every version the order went through and all that it decided."""
    versions, decisions = [order], list[Decision]()
    for fact in facts:
        try:
            outcome = apply(versions[-1], fact)
        except NotCancellableError:
            continue
        versions.append(outcome.order)
        decisions.extend(outcome.decisions)
    return versions, decisions


anything = st.lists(st.sampled_from(FACTS), max_size=40)


@given(anything)
def test_an_order_only_goes_where_a_way_leads(facts: list[Fact]) -> None:
    versions, _ = live(facts)
    for before, after in pairwise(versions):
        if after.status is not before.status:
            assert after.status in WAYS[before.status]
        assert after.version == before.version + (after is not before)
        assert (after.deadline is None) or after.status in {Status.PENDING, Status.RESERVED}


@given(anything)
def test_each_decision_is_made_once_and_an_order_ends_once(facts: list[Fact]) -> None:
    versions, decisions = live(facts)
    made = Counter(type(decision) for decision in decisions)
    assert made[Cancelled] + made[Expired] + made[Completed] <= 1
    assert max(made.values(), default=0) <= 1
    ended = versions[-1].status not in {
        Status.PENDING,
        Status.RESERVED,
        Status.PAID,
        Status.CANCELLING,
        Status.SHIPPED,
    }
    assert ended == (made[Cancelled] + made[Expired] + made[Completed] == 1)
    if made[CancellationRequested] or made[Completed]:
        assert made[Confirmed]


@given(anything)
def test_an_order_is_never_both_refunded_and_delivered(facts: list[Fact]) -> None:
    versions, decisions = live(facts)
    seen = {order.status for order in versions}
    assert not {Status.REFUNDED, Status.DELIVERED} <= seen
    owed = [d for d in decisions if isinstance(d, Cancelled) and d.refund]
    assert not (owed and Completed() in decisions)


@given(anything)
def test_money_is_asked_back_exactly_when_it_was_captured(facts: list[Fact]) -> None:
    versions, decisions = live(facts)
    for decision in decisions:
        if isinstance(decision, Cancelled):
            end = next(o for o in versions if o.cancel_reason == decision.reason and not _open(o))
            captured = 0 if end.captured is None else end.captured.amount
            assert decision.refund == (captured > end.refunded_amount)
            assert decision.restock <= (Confirmed() in decisions)


def _open(order: Order) -> bool:
    return order.status in {
        Status.PENDING,
        Status.RESERVED,
        Status.PAID,
        Status.CANCELLING,
        Status.SHIPPED,
    }


@given(anything, st.sampled_from(FACTS))
def test_a_fact_told_twice_counts_once(facts: list[Fact], fact: Fact) -> None:
    versions, _ = live([*facts, fact])
    again, decisions = live([fact], versions[-1])
    assert again[-1] is versions[-1] or isinstance(fact, CancelAsked)
    assert decisions == []


@given(anything)
def test_all_of_it_told_again_changes_nothing_that_has_ended(facts: list[Fact]) -> None:
    versions, _ = live(facts)
    if versions[-1].status in {Status.DELIVERED, Status.REFUNDED}:
        again, decisions = live(facts * 2, versions[-1])
        assert again[-1].status is versions[-1].status
        assert decisions == []


# A good order's facts, each topic in its own order; only what was caused can be told.
TOPICS: dict[str, list[Fact]] = {
    "inventory": [RESERVED],
    "payment": [CAPTURED],
    "shipment": [ShipmentCreated("MSX"), ShipmentMoved(), ShipmentMoved(), ShipmentDelivered()],
}


@given(st.data())
def test_a_good_order_is_delivered_however_its_topics_interleave(data: st.DataObject) -> None:
    order, told = ORDER, dict.fromkeys(TOPICS, 0)
    while not order.settled:
        ready = [
            topic
            for topic, facts in TOPICS.items()
            if told[topic] < len(facts)
            and (topic != "shipment" or order.status in {"paid", "shipped"})
        ]
        topic = data.draw(st.sampled_from(ready))
        # The broker may start again from any message it has told before.
        restart = data.draw(st.integers(0, told[topic]))
        for fact in TOPICS[topic][restart : told[topic] + 1]:
            order = apply(order, fact).order
        told[topic] += 1
    assert order.status is Status.DELIVERED
    assert order.tracking_number == "MSX"
