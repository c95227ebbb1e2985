"""The data of shipments as it is sent and received."""

from datetime import UTC, datetime, timedelta
from typing import Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, field_validator, model_validator

from shop_shared.addresses import Address, AddressView
from shop_shared.clock import now
from shop_shared.models import Line, Moment, ResponseModel, StrictModel
from shop_shipping import domain
from shop_shipping.domain import Failure, Status

FIRST_SCAN = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)
"""As far as a clock is off that shows the time of any zone as UTC."""


class CreateShipment(StrictModel):
    """A parcel to be sent by hand, for an order that has none."""

    order_id: UUID
    customer_id: UUID
    address: Address


class ChangeShipment(StrictModel):
    """What may be changed of a parcel that has not left."""

    address: Address


class ReportScan(StrictModel):
    """A carrier saw the parcel."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"status": "in_transit", "location": "Leeds", "at": "2026-01-01T12:00:00Z"}
            ]
        }
    )

    status: Literal["dispatched", "in_transit", "delivered", "failed"]
    at: Moment = Field(description="Since 2000, and at most a day ahead of this service's clock")
    location: Line | None = None
    reason: Literal["lost", "refused", "undeliverable"] | None = Field(
        None, description="Why it failed; only then, and always then"
    )

    @model_validator(mode="after")
    def _reason_of_a_failure(self) -> Self:
        if (self.status == "failed") != (self.reason is not None):
            raise ValueError("a failure has a reason, and nothing else has")
        return self

    @field_validator("at")
    @classmethod
    def _is_possible(cls, at: datetime) -> datetime:
        """Refuse a time that no scan is of: a true one that came later would count as older."""
        if at < FIRST_SCAN:
            raise ValueError(f"must not be before {FIRST_SCAN:%Y-%m-%d}")
        if at > now() + AHEAD:
            raise ValueError("must not be more than a day ahead")
        return at

    def to_domain(self) -> domain.Scanned:
        """Return the domain event."""
        failure = Failure(self.reason) if self.reason else None
        return domain.Scanned(Status(self.status), self.at, self.location, failure)


class Progress(ResponseModel):
    """A step of a parcel's way."""

    status: Status
    location: str | None
    reason: Failure | None
    at: datetime


class Shipment(ResponseModel):
    """A parcel as its customer sees it."""

    id: UUID
    order_id: UUID
    order_number: str | None = Field(description="The order's number for people")
    customer_id: UUID
    status: Status
    tracking_number: str
    carrier: str
    address: AddressView | None
    location: str | None
    reason: Failure | None = Field(description="Why it failed")
    created_at: datetime
    version: int


class ShipmentInFull(Shipment):
    """A parcel and its way so far."""

    progress: tuple[Progress, ...]


class Tracking(ResponseModel):
    """What anyone who knows the number may see: nothing of who or where exactly."""

    tracking_number: str
    carrier: str
    status: Status
    progress: tuple[Progress, ...]


def shipment_view(shipment: domain.Shipment) -> Shipment:
    """Return what its customer sees of a shipment."""
    return Shipment(
        id=shipment.id,
        order_id=shipment.order_id,
        order_number=shipment.order_number,
        customer_id=shipment.customer_id,
        status=shipment.status,
        tracking_number=shipment.tracking_number,
        carrier=shipment.carrier,
        address=None if shipment.address is None else AddressView.model_validate(shipment.address),
        location=shipment.location,
        reason=shipment.failure,
        created_at=shipment.created_at,
        version=shipment.version,
    )
