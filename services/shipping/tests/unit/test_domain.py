"""Every status meets every fact, and any order of scans keeps what must never break."""

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
    Fact,
    Failure,
    Progress,
    Scanned,
    Shipment,
    Status,
    StopAsked,
    Stopped,
    apply,
    change_address,
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
FACTS: list[Fact] = [
    Booked(NOW),
    DISPATCHED,
    IN_TRANSIT,
    FURTHER,
    DELIVERED,
    LOST,
    StopAsked(),
    Stopped(LATER),
]


def shipment(status: Status) -> Shipment:
    failure = Failure.REFUSED if status is Status.FAILED else None
    booked = None if status is Status.CREATED else NOW
    return replace(NEW, status=status, booked_at=booked, scanned_at=booked, failure=failure)


ON_ROAD = {Status.DISPATCHED, Status.IN_TRANSIT}
# What a fact makes of a shipment, where it makes anything: the next status and what is told.
MEANS: dict[tuple[Status, Fact], tuple[Status, list[Status]]] = {
    (Status.CREATED, Booked(NOW)): (Status.CREATED, []),
    (Status.CREATED, StopAsked()): (Status.CREATED, []),
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


@pytest.mark.parametrize("fact", FACTS, ids=repr)
@pytest.mark.parametrize("status", Status)
def test_what_a_fact_makes_of_a_shipment(status: Status, fact: Fact) -> None:
    before = shipment(status)
    after = apply(before, fact)
    if (status, fact) not in MEANS:
        assert after.shipment is before
        assert after.told == ()
        return
    assert (after.shipment.status, [step.status for step in after.told]) == MEANS[status, fact]
    assert after.shipment.version == before.version + 1


def test_a_stopped_parcel_says_why() -> None:
    stopped = apply(apply(NEW, StopAsked()).shipment, Stopped(LATER))
    assert stopped.shipment.failure is Failure.CANCELLED
    assert stopped.told == (Progress(Status.FAILED, LATER, failure=Failure.CANCELLED),)


@pytest.mark.parametrize(
    ("facts", "call"),
    [
        ([], Call.BOOK),
        ([Booked(NOW)], Call.TRACK),
        ([StopAsked()], Call.STOP),
        ([Booked(NOW), StopAsked()], Call.STOP),
        ([Booked(NOW), DISPATCHED], Call.TRACK),
        ([Booked(NOW), StopAsked(), DISPATCHED], Call.TRACK),
        ([Booked(NOW), DISPATCHED, StopAsked()], Call.TRACK),
        ([DELIVERED], None),
        ([LOST], None),
    ],
)
def test_what_the_carrier_is_asked_next(facts: list[Fact], call: Call | None) -> None:
    parcel = NEW
    for fact in facts:
        parcel = apply(parcel, fact).shipment
    assert next_call(parcel) is call


def test_the_address_changes_only_here_and_is_booked_anew() -> None:
    booked = apply(NEW, Booked(NOW)).shipment
    moved = change_address(booked, {"city": "Leeds"})
    assert (moved.address, moved.booked_at) == ({"city": "Leeds"}, None)
    assert change_address(moved, {"city": "Leeds"}) is moved
    for fact in (DISPATCHED, StopAsked(), LOST):
        with pytest.raises(AddressLockedError):
            change_address(apply(booked, fact).shipment, {"city": "Leeds"})


anything = st.lists(st.sampled_from(FACTS), max_size=30)


@given(anything)
def test_a_parcel_goes_forward_only_and_ends_once(facts: list[Fact]) -> None:
    versions, told = [NEW], list[Status]()
    for fact in facts:
        outcome = apply(versions[-1], fact)
        versions.append(outcome.shipment)
        told += [step.status for step in outcome.told]
    stages = list(Status)
    for before, after in pairwise(versions):
        assert stages.index(after.status) >= stages.index(before.status)
        assert after.version == before.version + (after is not before)
    counts = Counter(told)
    assert counts[Status.DISPATCHED] <= 1
    assert counts[Status.DELIVERED] + counts[Status.FAILED] <= 1
    if told:
        assert (told[-1] in {Status.DELIVERED, Status.FAILED}) == (next_call(versions[-1]) is None)
    if Status.DELIVERED in told or Status.IN_TRANSIT in told:
        assert told[0] is Status.DISPATCHED
    if versions[-1].failure is Failure.CANCELLED:
        assert told == [Status.FAILED]


@given(anything, st.sampled_from(FACTS))
def test_a_fact_told_twice_counts_once(facts: list[Fact], fact: Fact) -> None:
    parcel = NEW
    for known in [*facts, fact]:
        parcel = apply(parcel, known).shipment
    again = apply(parcel, fact)
    assert again.shipment is parcel
    assert again.told == ()
