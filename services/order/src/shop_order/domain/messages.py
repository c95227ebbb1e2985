"""Domain events that other services and the clock report, and commands of customers and staff."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shop_order.domain.order import Line
from shop_shared.money import Money


@dataclass(frozen=True, slots=True)
class InventoryReserved:
    """The stock is held until `reserved_until`, at the catalogue's prices."""

    lines: tuple[Line, ...]
    total: Money
    reserved_until: datetime


@dataclass(frozen=True, slots=True)
class InventoryRejected:
    """The stock cannot serve the order."""

    reason: str


@dataclass(frozen=True, slots=True)
class InventoryReleased:
    """The stock is no longer held."""


@dataclass(frozen=True, slots=True)
class PaymentCaptured:
    """The customer's money is ours."""

    amount: Money


@dataclass(frozen=True, slots=True)
class PaymentFailed:
    """There will be no money by this attempt; `can_retry` while another one may bring it."""

    reason: str
    message: str = ""
    attempt: int = 1
    can_retry: bool = False


@dataclass(frozen=True, slots=True)
class PaymentRefunded:
    """Money went back; `total_refunded` is the sum of all refunds so far."""

    total_refunded: Money
    full: bool


@dataclass(frozen=True, slots=True)
class RefundFailed:
    """Money did not go back, or came back later; `total_refunded` is what is back without it."""

    total_refunded: Money


@dataclass(frozen=True, slots=True)
class ShipmentCreated:
    """The parcel has a tracking number."""

    tracking_number: str


@dataclass(frozen=True, slots=True)
class ShipmentMoved:
    """The parcel has left us (dispatched, or seen in transit)."""


@dataclass(frozen=True, slots=True)
class ShipmentDelivered:
    """The parcel is with the customer."""


@dataclass(frozen=True, slots=True)
class ShipmentFailed:
    """The parcel will not arrive; `reason` is cancelled, lost, refused or undeliverable."""

    reason: str


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Cancel the order; `by` is customer or staff."""

    by: str = "customer"


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The clock reads `now`."""

    now: datetime


@dataclass(frozen=True, slots=True)
class ChangeAddress:
    """Send the order elsewhere."""

    address: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RetryPayment:
    """Pay another way, the last one having failed; the clock reads `now`."""

    payment: Mapping[str, Any]
    now: datetime


DomainEvent = (
    InventoryReserved
    | InventoryRejected
    | InventoryReleased
    | PaymentCaptured
    | PaymentFailed
    | PaymentRefunded
    | RefundFailed
    | ShipmentCreated
    | ShipmentMoved
    | ShipmentDelivered
    | ShipmentFailed
    | DeadlinePassed
)
"""Something that has happened: it is never refused, and changes nothing where it comes too late."""

Command = CancelOrder | ChangeAddress | RetryPayment
"""Something that is asked for: it may be refused."""

Message = DomainEvent | Command
