"""The payloads of the events that the notification service reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import JsonValue

from shop_notification.rendering import money
from shop_shared.messaging.events import ReceivedPayload


class MoneyPayload(ReceivedPayload):
    """Money as events carry it."""

    amount: int
    currency: str

    def formatted(self) -> str:
        """Return the amount for people to read: `19.99 USD`."""
        return money({"amount": self.amount, "currency": self.currency})


class UserChanged(ReceivedPayload):
    """Somebody is new, or reached elsewhere than before."""

    user_id: UUID
    email: str
    name: str
    locale: str = "en"
    phone: str | None = None
    version: int | None = None
    """The account's; None from a user service that does not tell it yet."""


class EmailChanged(ReceivedPayload):
    """An account has a new e-mail address."""

    user_id: UUID
    old_email: str
    new_email: str


class RegistrationRepeated(ReceivedPayload):
    """Somebody tried to use an account's e-mail address."""

    user_id: UUID
    email: str


class UserDeleted(ReceivedPayload):
    """Somebody is gone."""

    user_id: UUID


class CodeRequested(ReceivedPayload):
    """A code is to be sent, while it counts."""

    user_id: UUID
    code: str
    expires_at: datetime | None = None

    def template_context(self) -> Mapping[str, Any]:
        """Return the code, and until when it is worth sending."""
        return {"code": self.code, "expires_at": self.expires_at and self.expires_at.isoformat()}


class VerificationRequested(CodeRequested):
    """A code is to be sent to an address that is to be proved."""

    channel: str
    destination: str


class PasswordResetRequested(CodeRequested):
    """A code to reset the password is to be sent."""

    email: str


class OrderEvent(ReceivedPayload):
    """Something about an order; `template_context` is what its template names."""

    order_id: UUID
    order_number: str | None = None
    customer_id: UUID

    def template_context(self) -> Mapping[str, Any]:
        """Return what the template names."""
        return {"order": self.order_number or str(self.order_id)[-12:].upper()}


class LinePayload(ReceivedPayload):
    """Goods."""

    name: str
    quantity: int
    unit_price: MoneyPayload | None = None

    def template_context(self) -> Mapping[str, Any]:
        """Return name, quantity, and the price of all of them where it is known."""
        price = self.unit_price
        whole = price and MoneyPayload(amount=price.amount * self.quantity, currency=price.currency)
        return {
            "name": self.name,
            "quantity": self.quantity,
            "price": whole.formatted() if whole else None,
        }


class OrderConfirmed(OrderEvent):
    """The order is paid and will be sent."""

    lines: tuple[LinePayload, ...]
    total: MoneyPayload

    def template_context(self) -> Mapping[str, Any]:
        """Return the goods and the total too."""
        lines = [line.template_context() for line in self.lines]
        return {
            **super().template_context(),
            "total": self.total.formatted(),
            "lines": lines,
        }


class ReturnEvent(OrderEvent):
    """Goods are to come back, or may not."""

    lines: tuple[LinePayload, ...]
    refund: MoneyPayload
    refusal: str = ""

    def template_context(self) -> Mapping[str, Any]:
        """Return the goods, what comes back for them, and why they are refused."""
        return {
            **super().template_context(),
            "lines": [line.template_context() for line in self.lines],
            "refund": self.refund.formatted(),
            "refusal": self.refusal,
        }


class PaymentActionRequired(OrderEvent):
    """The customer has to do something."""

    action: dict[str, JsonValue]

    def template_context(self) -> Mapping[str, Any]:
        """Return where, if it is a page."""
        return {**super().template_context(), "url": self.action.get("url")}


class PaymentFailed(OrderEvent):
    """No money came."""

    reason: str = ""
    message: str
    retry_until: datetime | None = None

    def template_context(self) -> Mapping[str, Any]:
        """Return why, and until when another way to pay may be tried."""
        until = self.retry_until and f"{self.retry_until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        return {
            **super().template_context(),
            "message": self.message,
            "nothing_taken": self.reason != "amount_mismatch",
            "retry_until": until,
        }


class MoneyMoved(OrderEvent):
    """Money came or went back."""

    amount: MoneyPayload

    def template_context(self) -> Mapping[str, Any]:
        """Return how much."""
        return {**super().template_context(), "amount": self.amount.formatted()}


class ShipmentEvent(OrderEvent):
    """Something about a parcel."""

    tracking_number: str

    def template_context(self) -> Mapping[str, Any]:
        """Return its number."""
        return {**super().template_context(), "tracking_number": self.tracking_number}


class ShipmentMoved(ShipmentEvent):
    """A parcel is on its way."""

    location: str | None = None

    def template_context(self) -> Mapping[str, Any]:
        """Return the number and where it is."""
        return {**super().template_context(), "location": self.location}


class ShipmentFailed(ShipmentEvent):
    """A parcel will not arrive."""

    reason: str = ""

    @property
    def was_stopped(self) -> bool:
        """Whether it never left, because its order is cancelled."""
        return self.reason == "cancelled"
