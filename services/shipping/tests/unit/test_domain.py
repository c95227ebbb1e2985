"""Every status meets every message, and any order of scans keeps what must never break."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop_shipping.domain import (
    AddressLockedError,
    Booked,
    Call,
    ChangeAddress,
    Failure,
    Message,
    Progress,
    Scanned,
    Shipment,
    Status,
    StopParcel,
    Stopped,
    decide,
    next_call,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
NEW = Shipment(
    id=UUID(int=1),
    order_id=UUID(int=2),
    customer_id=UUID(int=3),
    tracking_number="MSX",
    carrier="simulated",
    address={"city": "London"},
    created_at=NOW,
)
DISPATCHED = Scanned(Status.DISPATCHED, NOW)
IN_TRANSIT = Scanned(Status.IN_TRANSIT, NOW, "Leeds")
FURTHER = Scanned(Status.IN_TRANSIT, LATER, "York")
DELIVERED = Scanned(Status.DELIVERED, LATER, "London")
LOST = Scanned(Status.FAILED, LATER, failure=Failure.LOST)
MESSAGES: list[Message] = [
    Booked(NOW),
    DISPATCHED,
    IN_TRANSIT,
    FURTHER,
    DELIVERED,
    LOST,
    StopParcel(),
    Stopped(LATER),
]


def shipment(status: Status) -> Shipment:
    failure = Failure.REFUSED if status is Status.FAILED else None
    booked = None if status is Status.CREATED else NOW
    return replace(NEW, status=status, booked_at=booked, scanned_at=booked, failure=failure)


ON_ROAD = {Status.DISPATCHED, Status.IN_TRANSIT}
# What a message makes of a shipment, where it makes anything: the next status and what is steps.
MEANS: dict[tuple[Status, Message], tuple[Status, list[Status]]] = {
    (Status.CREATED, Booked(NOW)): (Status.CREATED, []),
    (Status.CREATED, StopParcel()): (Status.CREATED, []),
    (Status.CREATED, Stopped(LATER)): (Status.FAILED, [Status.FAILED]),
    (Status.CREATED, DISPATCHED): (Status.DISPATCHED, [Status.DISPATCHED]),
    (Status.CREATED, IN_TRANSIT): (Status.IN_TRANSIT, [Status.DISPATCHED, Status.IN_TRANSIT]),
    (Status.CREATED, FURTHER): (Status.IN_TRANSIT, [Status.DISPATCHED, Status.IN_TRANSIT]),
    (Status.CREATED, DELIVERED): (Status.DELIVERED, [Status.DISPATCHED, Status.DELIVERED]),
    (Status.CREATED, LOST): (Status.FAILED, [Status.FAILED]),
    (Status.DISPATCHED, IN_TRANSIT): (Status.IN_TRANSIT, [Status.IN_TRANSIT]),
    (Status.DISPATCHED, FURTHER): (Status.IN_TRANSIT, [Status.IN_TRANSIT]),
    (Status.DISPATCHED, DELIVERED): (Status.DELIVERED, [Status.DELIVERED]),
    (Status.DISPATCHED, LOST): (Status.FAILED, [Status.FAILED]),
    (Status.IN_TRANSIT, FURTHER): (Status.IN_TRANSIT, [Status.IN_TRANSIT]),
    (Status.IN_TRANSIT, DELIVERED): (Status.DELIVERED, [Status.DELIVERED]),
    (Status.IN_TRANSIT, LOST): (Status.FAILED, [Status.FAILED]),
}


@pytest.mark.parametrize("message", MESSAGES, ids=repr)
@pytest.mark.parametrize("status", Status)
def test_the_transition_of_each_message(status: Status, message: Message) -> None:
    before = shipment(status)
    after = decide(before, message)
    if (status, message) not in MEANS:
        assert after.state is before
        assert after.effects == ()
        return
    assert (after.state.status, [step.status for step in after.effects]) == MEANS[status, message]
    assert after.state.version == before.version + 1


def test_a_stopped_parcel_says_why() -> None:
    stopped = decide(decide(NEW, StopParcel()).state, Stopped(LATER))
    assert stopped.state.failure is Failure.CANCELLED
    assert stopped.effects == (Progress(Status.FAILED, LATER, failure=Failure.CANCELLED),)


@pytest.mark.parametrize(
    ("messages", "call"),
    [
        ([], Call.BOOK),
        ([Booked(NOW)], Call.TRACK),
        ([StopParcel()], Call.STOP),
        ([Booked(NOW), StopParcel()], Call.STOP),
        ([Booked(NOW), DISPATCHED], Call.TRACK),
        ([Booked(NOW), StopParcel(), DISPATCHED], Call.TRACK),
        ([Booked(NOW), DISPATCHED, StopParcel()], Call.TRACK),
        ([DELIVERED], None),
        ([LOST], None),
    ],
)
def test_what_the_carrier_is_asked_next(messages: list[Message], call: Call | None) -> None:
    parcel = NEW
    for message in messages:
        parcel = decide(parcel, message).state
    assert next_call(parcel) is call


def test_the_address_changes_only_here_and_is_booked_anew() -> None:
    booked = decide(NEW, Booked(NOW)).state
    elsewhere = ChangeAddress({"city": "Leeds"})
    moved = decide(booked, elsewhere).state
    assert (moved.address, moved.booked_at) == ({"city": "Leeds"}, None)
    assert decide(moved, elsewhere).state is moved
    for message in (DISPATCHED, StopParcel(), LOST):
        with pytest.raises(AddressLockedError):
            decide(decide(booked, message).state, elsewhere)


anything = st.lists(st.sampled_from(MESSAGES), max_size=30)


@given(anything)
def test_a_parcel_goes_forward_only_and_ends_once(messages: list[Message]) -> None:
    versions, steps = [NEW], list[Status]()
    for message in messages:
        transition = decide(versions[-1], message)
        versions.append(transition.state)
        steps += [step.status for step in transition.effects]
    stages = list(Status)
    for before, after in pairwise(versions):
        assert stages.index(after.status) >= stages.index(before.status)
        assert after.version == before.version + (after is not before)
    counts = Counter(steps)
    assert counts[Status.DISPATCHED] <= 1
    assert counts[Status.DELIVERED] + counts[Status.FAILED] <= 1
    if steps:
        assert (steps[-1] in {Status.DELIVERED, Status.FAILED}) == (next_call(versions[-1]) is None)
    if Status.DELIVERED in steps or Status.IN_TRANSIT in steps:
        assert steps[0] is Status.DISPATCHED
    if versions[-1].failure is Failure.CANCELLED:
        assert steps == [Status.FAILED]


@given(anything, st.sampled_from(MESSAGES))
def test_a_message_delivered_twice_counts_once(messages: list[Message], message: Message) -> None:
    parcel = NEW
    for known in [*messages, message]:
        parcel = decide(parcel, known).state
    again = decide(parcel, message)
    assert again.state is parcel
    assert again.effects == ()
