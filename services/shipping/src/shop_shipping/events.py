"""What the shipping service says has happened (shipment.events); contracts are in `schemas/`."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import ConfigDict, JsonValue

from shop_shared.messaging.events import Event, EventPayload, event
from shop_shipping.domain import Failure, Progress, Shipment, Status


def _example(**fields: JsonValue) -> ConfigDict:
    common: dict[str, JsonValue] = {
        "shipment_id": "01989f6a-0000-7000-8000-00000000000c",
        "order_id": "01989f6a-0000-7000-8000-00000000000a",
        "customer_id": "01989f6a-0000-7000-8000-00000000000b",
        "tracking_number": "MS0123456789ABT",
    }
    return ConfigDict(json_schema_extra={"examples": [common | fields]})


class ShipmentPayload(EventPayload):
    """What every shipment event says. Its key is the order's id: they are about its parcel."""

    aggregate: ClassVar[str] = "shipment"

    shipment_id: UUID
    order_id: UUID
    order_number: str | None = None
    customer_id: UUID
    tracking_number: str


class ShipmentCreated(ShipmentPayload):
    """There is a parcel, and a number to follow it by."""

    model_config = _example(carrier="simulated")
    type: ClassVar[str] = "minishop.shipment.created.v1"

    carrier: str


class ShipmentDispatched(ShipmentPayload):
    """The parcel has left: it can no longer be stopped."""

    model_config = _example(at="2026-01-01T12:00:00Z")
    type: ClassVar[str] = "minishop.shipment.dispatched.v1"

    at: datetime


class ShipmentInTransit(ShipmentPayload):
    """The parcel was seen on its way."""

    model_config = _example(at="2026-01-01T12:00:00Z", location="Leeds")
    type: ClassVar[str] = "minishop.shipment.in_transit.v1"

    at: datetime
    location: str | None


class ShipmentDelivered(ShipmentPayload):
    """The parcel is with the customer."""

    model_config = _example(at="2026-01-01T12:00:00Z")
    type: ClassVar[str] = "minishop.shipment.delivered.v1"

    at: datetime


class ShipmentFailed(ShipmentPayload):
    """The parcel will not arrive."""

    model_config = _example(at="2026-01-01T12:00:00Z", reason="lost")
    type: ClassVar[str] = "minishop.shipment.failed.v1"

    at: datetime
    reason: Failure


PUBLISHED: tuple[type[EventPayload], ...] = (
    ShipmentCreated,
    ShipmentDispatched,
    ShipmentInTransit,
    ShipmentDelivered,
    ShipmentFailed,
)


def created(shipment: Shipment) -> Event:
    """Announce a new shipment."""
    return event(
        ShipmentCreated(
            shipment_id=shipment.id,
            order_id=shipment.order_id,
            order_number=shipment.order_number,
            customer_id=shipment.customer_id,
            tracking_number=shipment.tracking_number,
            carrier=shipment.carrier,
        ),
        key=shipment.order_id,
    )


def announce(shipment: Shipment, progress: Progress) -> Event:
    """Put a parcel's progress into an event."""
    ids: dict[str, Any] = {
        "shipment_id": shipment.id,
        "order_id": shipment.order_id,
        "order_number": shipment.order_number,
        "customer_id": shipment.customer_id,
    }
    number, at = shipment.tracking_number, progress.at
    payload: EventPayload
    if progress.failure is not None:
        payload = ShipmentFailed(**ids, tracking_number=number, at=at, reason=progress.failure)
    elif progress.status is Status.DELIVERED:
        payload = ShipmentDelivered(**ids, tracking_number=number, at=at)
    elif progress.status is Status.IN_TRANSIT:
        where = progress.location
        payload = ShipmentInTransit(**ids, tracking_number=number, at=at, location=where)
    else:
        payload = ShipmentDispatched(**ids, tracking_number=number, at=at)
    return event(payload, key=shipment.order_id)
