"""Any order of any messages, with duplicates, keeps what must never break."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shop_order.domain import (
    CancellationRequested,
    Cancelled,
    CancelOrder,
    Completed,
    Confirmed,
    DeadlinePassed,
    Effect,
    Expired,
    InventoryRejected,
    InventoryReleased,
    InventoryReserved,
    Line,
    Message,
    NotAwaitingPaymentError,
    NotCancellableError,
    Order,
    PaymentCaptured,
    PaymentFailed,
    PaymentRefunded,
    PaymentRetried,
    RefundFailed,
    RetryPayment,
    ShipmentCreated,
    ShipmentDelivered,
    ShipmentFailed,
    ShipmentMoved,
    Status,
    decide,
)
from shop_shared.money import Money

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DEADLINE = NOW + timedelta(minutes=15)
TOTAL = Money(1000, "USD")
ORDER = Order(
    id=UUID(int=1),
    number="MS-7K3Q-9F25",
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
MESSAGES: list[Message] = [
    RESERVED,
    InventoryRejected("out_of_stock"),
    InventoryReleased(),
    CAPTURED,
    PaymentCaptured(Money(1, "USD")),
    PaymentFailed("declined"),
    PaymentFailed("declined", can_retry=True),
    PaymentFailed("declined", attempt=2, can_retry=True),
    RetryPayment({"provider": "paypal"}, NOW),
    RetryPayment({"provider": "paypal"}, DEADLINE),
    PaymentRefunded(Money(400, "USD"), full=False),
    REFUNDED,
    RefundFailed(Money(0, "USD")),
    ShipmentCreated("MSX"),
    ShipmentMoved(),
    ShipmentDelivered(),
    ShipmentFailed("cancelled"),
    ShipmentFailed("lost"),
    CancelOrder(),
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
    Status.REFUNDED: {"cancelled", "expired"},
}


def live(messages: list[Message], order: Order = ORDER) -> tuple[list[Order], list[Effect]]:
    """Return every version the order went through and all that it decided."""
    versions, effects = [order], list[Effect]()
    for message in messages:
        try:
            transition = decide(versions[-1], message)
        except (NotCancellableError, NotAwaitingPaymentError):
            continue
        versions.append(transition.state)
        effects.extend(transition.effects)
    return versions, effects


anything = st.lists(st.sampled_from(MESSAGES), max_size=40)


@given(anything)
def test_an_order_only_goes_where_a_way_leads(messages: list[Message]) -> None:
    versions, _ = live(messages)
    for before, after in pairwise(versions):
        if after.status is not before.status:
            assert after.status in WAYS[before.status]
        assert after.version == before.version + (after is not before)
        assert (after.deadline is None) or after.status in {Status.PENDING, Status.RESERVED}


@given(anything)
def test_each_effect_is_made_once_and_an_order_ends_once(messages: list[Message]) -> None:
    versions, effects = live(messages)
    made = Counter(type(effect) for effect in effects)
    retried = made.pop(PaymentRetried, 0)
    assert versions[-1].payment_attempt == 1 + retried
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
def test_an_order_is_never_both_refunded_and_delivered(messages: list[Message]) -> None:
    versions, effects = live(messages)
    seen = {order.status for order in versions}
    assert not {Status.REFUNDED, Status.DELIVERED} <= seen
    owed = [d for d in effects if isinstance(d, Cancelled) and d.refund]
    assert not (owed and Completed() in effects)


@given(anything)
def test_money_is_asked_back_exactly_when_it_was_captured(messages: list[Message]) -> None:
    versions, effects = live(messages)
    for effect in effects:
        if isinstance(effect, Cancelled):
            end = next(o for o in versions if o.cancel_reason == effect.reason and not _open(o))
            captured = 0 if end.captured is None else end.captured.amount
            assert effect.refund == (captured > end.refunded_amount)
            assert effect.restock <= (Confirmed() in effects)


def _open(order: Order) -> bool:
    return order.status in {
        Status.PENDING,
        Status.RESERVED,
        Status.PAID,
        Status.CANCELLING,
        Status.SHIPPED,
    }


@given(anything, st.sampled_from(MESSAGES))
def test_a_message_delivered_twice_counts_once(messages: list[Message], message: Message) -> None:
    versions, _ = live([*messages, message])
    again, effects = live([message], versions[-1])
    assert again[-1] is versions[-1] or isinstance(message, CancelOrder)
    assert effects == []


@given(anything)
def test_all_of_it_told_again_changes_nothing_that_has_ended(messages: list[Message]) -> None:
    versions, _ = live(messages)
    if versions[-1].status in {Status.DELIVERED, Status.REFUNDED}:
        again, effects = live(messages * 2, versions[-1])
        assert again[-1].status is versions[-1].status
        assert effects == []


# A good order's messages, each topic in its own order; only what was caused can be told.
TOPICS: dict[str, list[Message]] = {
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
            for topic, messages in TOPICS.items()
            if told[topic] < len(messages)
            and (topic != "shipment" or order.status in {"paid", "shipped"})
        ]
        topic = data.draw(st.sampled_from(ready))
        # The broker may start again from any message it has told before.
        restart = data.draw(st.integers(0, told[topic]))
        for message in TOPICS[topic][restart : told[topic] + 1]:
            order = decide(order, message).state
        told[topic] += 1
    assert order.status is Status.DELIVERED
    assert order.tracking_number == "MSX"
