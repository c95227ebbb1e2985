"""An order as it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from shop_shared.money import Money


class Status(StrEnum):
    """Where an order stands."""

    PENDING = "pending"
    """Placed; the stock has not answered."""
    RESERVED = "reserved"
    """Stock held and priced; waiting for the money."""
    PAID = "paid"
    """Money captured, order confirmed; waiting for dispatch."""
    CANCELLING = "cancelling"
    """Paid, but to be cancelled: shipping was asked to stop the parcel and has not answered."""
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    """The stock could not serve it."""
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Not paid while the stock was held."""
    REFUNDED = "refunded"
    """Rejected, cancelled or expired, and all money that had been captured is back."""


CLOSED = frozenset({Status.REJECTED, Status.CANCELLED, Status.EXPIRED})
"""Ended without goods; only the refund of captured money can still follow."""
UNPAID = frozenset({Status.PENDING, Status.RESERVED})
CONFIRMED = frozenset({Status.PAID, Status.CANCELLING})


@dataclass(frozen=True, slots=True)
class Line:
    """Goods of one product; sku, name and price are the catalogue's, known once reserved."""

    product_id: UUID
    quantity: int
    sku: str | None = None
    name: str | None = None
    unit_price: Money | None = None


@dataclass(frozen=True, slots=True)
class PaymentFailure:
    """Why an attempt to pay failed, while another may be made."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it stands; `version` counts its changes and is its ETag."""

    id: UUID
    number: str
    """The number for people: see `order_number`."""
    customer_id: UUID
    lines: tuple[Line, ...]
    payment: Mapping[str, Any]
    """How the customer pays, by the last attempt: provider, method, currency, token."""
    shipping_address: Mapping[str, Any]
    placed_at: datetime
    deadline: datetime | None
    """When waiting ends: for the stock's answer while pending, for the money while reserved."""
    status: Status = Status.PENDING
    version: int = 1
    total: Money | None = None
    captured: Money | None = None
    refunded_amount: int = 0
    """Of the captured money, minor units in its currency."""
    cancel_reason: str | None = None
    tracking_number: str | None = None
    payment_attempt: int = 1
    """Which way to pay this is: each that the customer tries counts."""
    payment_failure: PaymentFailure | None = None
    """Of the last attempt; the order waits for another one until its deadline."""

    @property
    def settled(self) -> bool:
        """Whether nothing more is to be waited for."""
        if self.status in CLOSED:
            # A free order was captured with nothing: there is nothing to be refunded.
            return self.captured is None or self.captured.amount == self.refunded_amount
        return self.status in {Status.DELIVERED, Status.REFUNDED}
