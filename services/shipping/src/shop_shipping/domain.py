"""A parcel's way, and nothing else: no database, no clock, no carrier, no framework.

Carriers report scans, late, twice or in another order than they were made; the order service may
ask for the parcel back. `apply` says what a fact makes of a shipment and what is to be told because
of it; what no longer fits changes nothing, and the very object that was given comes back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class Status(StrEnum):
    """Where a parcel is."""

    CREATED = "created"
    """Still here; booked with the carrier, or about to be."""
    DISPATCHED = "dispatched"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    FAILED = "failed"


ENDED = frozenset({Status.DELIVERED, Status.FAILED})


class Failure(StrEnum):
    """Why a parcel will not arrive."""

    CANCELLED = "cancelled"
    """Stopped before it left."""
    LOST = "lost"
    REFUSED = "refused"
    """The customer did not take it."""
    UNDELIVERABLE = "undeliverable"
    """There is no such address."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """A parcel as it stands; `version` counts its changes and is its ETag."""

    id: UUID
    order_id: UUID
    customer_id: UUID
    tracking_number: str
    carrier: str
    address: Mapping[str, Any] | None
    """None where an order was cancelled before there was anything to send."""
    created_at: datetime
    status: Status = Status.CREATED
    version: int = 1
    booked_at: datetime | None = None
    stop_asked: bool = False
    scanned_at: datetime | None = None
    location: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Booked:
    """The carrier has taken the order to carry it."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Scanned:
    """The carrier saw the parcel; a failure says why it goes no further."""

    status: Status
    at: datetime
    location: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class StopAsked:
    """The order is to be cancelled."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The carrier has not taken the parcel, and will not."""

    at: datetime


Fact = Booked | Scanned | StopAsked | Stopped


@dataclass(frozen=True, slots=True)
class Progress:
    """What is told to others: the parcel's new status, once each (in_transit: once a scan)."""

    status: Status
    at: datetime
    location: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The shipment after a fact, and what is told because of it."""

    shipment: Shipment
    told: tuple[Progress, ...] = ()


class Call(StrEnum):
    """What is to be asked of the carrier."""

    BOOK = "book"
    STOP = "stop"
    TRACK = "track"


class AddressLockedError(Exception):
    """The parcel has left, or is to be stopped."""


def apply(shipment: Shipment, fact: Fact) -> Outcome:
    """Return what `fact` makes of `shipment`; the same shipment when it changes nothing."""
    outcome = _rule(shipment, fact)
    if outcome.shipment is shipment:
        return outcome
    return replace(outcome, shipment=replace(outcome.shipment, version=shipment.version + 1))


def next_call(shipment: Shipment) -> Call | None:
    """Return what the carrier is to be asked next, if anything."""
    if shipment.status in ENDED:
        return None
    if shipment.status is Status.CREATED and shipment.stop_asked:
        return Call.STOP
    return Call.BOOK if shipment.booked_at is None else Call.TRACK


def change_address(shipment: Shipment, address: Mapping[str, Any]) -> Shipment:
    """Return the shipment with another address, to be booked anew.

    Raises AddressLockedError once it has left or is to be stopped.
    """
    if shipment.status is not Status.CREATED or shipment.stop_asked:
        raise AddressLockedError(f"the parcel is {shipment.status}")
    if shipment.address == address:
        return shipment
    return replace(shipment, address=address, booked_at=None, version=shipment.version + 1)


def _rule(shipment: Shipment, fact: Fact) -> Outcome:  # noqa: PLR0911 - a return a case
    if shipment.status in ENDED:
        return Outcome(shipment)
    match fact:
        case Booked(at):
            if shipment.booked_at is not None:
                return Outcome(shipment)
            return Outcome(replace(shipment, booked_at=at))
        case StopAsked():
            if shipment.status is not Status.CREATED or shipment.stop_asked:
                return Outcome(shipment)  # too late: who asked hears of the dispatch
            return Outcome(replace(shipment, stop_asked=True))
        case Stopped(at):
            if shipment.status is not Status.CREATED:
                return Outcome(shipment)
            return _scanned(shipment, Scanned(Status.FAILED, at, failure=Failure.CANCELLED))
        case Scanned():
            return _scanned(shipment, fact)


def _scanned(shipment: Shipment, scan: Scanned) -> Outcome:
    if scan.status not in ENDED and not _is_news(shipment, scan):
        return Outcome(shipment)
    after = replace(
        shipment,
        status=scan.status,
        scanned_at=scan.at,
        location=scan.location or shipment.location,
        failure=scan.failure,
    )
    told = [Progress(scan.status, scan.at, scan.location, scan.failure)]
    if shipment.status is Status.CREATED and scan.status in {Status.IN_TRANSIT, Status.DELIVERED}:
        # What is under way must have left, though nobody scanned it.
        told.insert(0, Progress(Status.DISPATCHED, scan.at))
    return Outcome(after, tuple(told))


_STAGES = (Status.CREATED, Status.DISPATCHED, Status.IN_TRANSIT)


def _is_news(shipment: Shipment, scan: Scanned) -> bool:
    """Say whether a scan under way is further than the last, or later on the road."""
    further = _STAGES.index(scan.status) - _STAGES.index(shipment.status)
    if further == 0 and scan.status is Status.IN_TRANSIT:
        return shipment.scanned_at is None or scan.at > shipment.scanned_at
    return further > 0
