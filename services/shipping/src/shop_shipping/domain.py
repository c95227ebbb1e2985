"""A shipment's state machine: no database, no clock, no carrier, no framework.

Carriers report scans late, twice or out of order; the order service may ask to stop the parcel.
`decide` returns the transition that a message makes; a message that no longer fits changes nothing,
and the transition's state is then the very object that was given.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from shop_shared import transition


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
    order_number: str | None = None
    """The order's number for people; None of an order from before there were numbers."""
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
class Stopped:
    """The carrier has not taken the parcel, and will not."""

    at: datetime


@dataclass(frozen=True, slots=True)
class StopParcel:
    """Stop the parcel, if it has not left: its order is to be cancelled."""


@dataclass(frozen=True, slots=True)
class ChangeAddress:
    """Send the parcel elsewhere; it is booked anew."""

    address: Mapping[str, Any]


DomainEvent = Booked | Scanned | Stopped
"""Something that has happened: it is never refused, and changes nothing where it comes too late."""

Command = StopParcel | ChangeAddress
Message = DomainEvent | Command


@dataclass(frozen=True, slots=True)
class Progress:
    """The effect: publish the parcel's new status, once each (in_transit: once a scan)."""

    status: Status
    at: datetime
    location: str | None = None
    failure: Failure | None = None


Transition = transition.Transition[Shipment, Progress]


class Call(StrEnum):
    """A call to the carrier."""

    BOOK = "book"
    STOP = "stop"
    TRACK = "track"


class AddressLockedError(Exception):
    """The parcel has left, or is to be stopped."""


def decide(shipment: Shipment, message: Message) -> Transition:
    """Return the transition that a message makes; one that changes nothing keeps the same shipment.

    Raises AddressLockedError for ChangeAddress.
    """
    made = _rule(shipment, message)
    if made.state is shipment:
        return made
    return replace(made, state=replace(made.state, version=shipment.version + 1))


def next_call(shipment: Shipment) -> Call | None:
    """Return what the carrier is to be asked next, if anything."""
    if shipment.status in ENDED:
        return None
    if shipment.status is Status.CREATED and shipment.stop_asked:
        return Call.STOP
    return Call.BOOK if shipment.booked_at is None else Call.TRACK


def _rule(shipment: Shipment, message: Message) -> Transition:  # noqa: PLR0911 - a return a case
    if isinstance(message, ChangeAddress):
        return _address_changed(shipment, message.address)
    if shipment.status in ENDED:
        return Transition(shipment)
    match message:
        case Booked(at):
            if shipment.booked_at is not None:
                return Transition(shipment)
            return Transition(replace(shipment, booked_at=at))
        case StopParcel():
            if shipment.status is not Status.CREATED or shipment.stop_asked:
                return Transition(shipment)  # too late: the order hears of the dispatch
            return Transition(replace(shipment, stop_asked=True))
        case Stopped(at):
            if shipment.status is not Status.CREATED:
                return Transition(shipment)
            return _scanned(shipment, Scanned(Status.FAILED, at, failure=Failure.CANCELLED))
        case Scanned():
            return _scanned(shipment, message)


def _address_changed(shipment: Shipment, address: Mapping[str, Any]) -> Transition:
    if shipment.status is not Status.CREATED or shipment.stop_asked:
        raise AddressLockedError(f"the parcel is {shipment.status}")
    if shipment.address == address:
        return Transition(shipment)
    return Transition(replace(shipment, address=address, booked_at=None))


def _scanned(shipment: Shipment, scan: Scanned) -> Transition:
    if scan.status not in ENDED and not _is_news(shipment, scan):
        return Transition(shipment)
    after = replace(
        shipment,
        status=scan.status,
        scanned_at=scan.at,
        location=scan.location or shipment.location,
        failure=scan.failure,
    )
    steps = [Progress(scan.status, scan.at, scan.location, scan.failure)]
    if shipment.status is Status.CREATED and scan.status in {Status.IN_TRANSIT, Status.DELIVERED}:
        # What is under way must have left, though nobody scanned it.
        steps.insert(0, Progress(Status.DISPATCHED, scan.at))
    return Transition(after, tuple(steps))


_STAGES = (Status.CREATED, Status.DISPATCHED, Status.IN_TRANSIT)


def _is_news(shipment: Shipment, scan: Scanned) -> bool:
    """Return whether a scan on the way is a later stage than the last, or a later time."""
    further = _STAGES.index(scan.status) - _STAGES.index(shipment.status)
    if further == 0 and scan.status is Status.IN_TRANSIT:
        return shipment.scanned_at is None or scan.at > shipment.scanned_at
    return further > 0
