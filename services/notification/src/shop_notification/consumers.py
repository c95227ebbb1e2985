"""What the notification service hears, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_notification import service
from shop_notification.plans import PLANS, Channel, Plan
from shop_notification.rendering import money
from shop_notification.repository import recipients
from shop_notification.repository.recipients import Recipient
from shop_shared.messaging.consumer import Handler
from shop_shared.messaging.events import ReceivedEvent

GROUP = "notification"


class Heard(BaseModel):
    """Someone else's event: what is read here, whatever else it says."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class HeardMoney(Heard):
    """Money as events carry it."""

    amount: int
    currency: str

    def formatted(self) -> str:
        """Return the amount for people to read: `19.99 USD`."""
        return money({"amount": self.amount, "currency": self.currency})


class UserChanged(Heard):
    """Somebody is new, or reached elsewhere."""

    user_id: UUID
    email: str
    name: str
    locale: str = "en"
    phone: str | None = None


class UserDeleted(Heard):
    """Somebody is gone."""

    user_id: UUID


class VerificationRequested(Heard):
    """A code is to be sent to an address that is to be proved."""

    user_id: UUID
    channel: str
    destination: str
    code: str


class PasswordResetRequested(Heard):
    """A code is to be sent."""

    user_id: UUID
    email: str
    code: str


class OrderEvent(Heard):
    """Something about an order; `template_context` is what its template names."""

    order_id: UUID
    customer_id: UUID

    def template_context(self) -> Mapping[str, Any]:
        """Return what the template names."""
        return {"order": str(self.order_id)[-12:].upper()}


class HeardLine(Heard):
    """Goods."""

    name: str
    quantity: int


class OrderConfirmed(OrderEvent):
    """The order is paid and will be sent."""

    lines: tuple[HeardLine, ...]
    total: HeardMoney

    def template_context(self) -> Mapping[str, Any]:
        """Return the goods and the total too."""
        lines = [{"name": line.name, "quantity": line.quantity} for line in self.lines]
        return {
            **super().template_context(),
            "total": self.total.formatted(),
            "lines": lines,
        }


class PaymentActionRequired(OrderEvent):
    """The customer has to do something."""

    action: dict[str, JsonValue]

    def template_context(self) -> Mapping[str, Any]:
        """Return where, if it is a page."""
        return {**super().template_context(), "url": self.action.get("url")}


class PaymentFailed(OrderEvent):
    """No money came."""

    message: str

    def template_context(self) -> Mapping[str, Any]:
        """Return why."""
        return {**super().template_context(), "message": self.message}


class MoneyMoved(OrderEvent):
    """Money came or went back."""

    amount: HeardMoney

    def template_context(self) -> Mapping[str, Any]:
        """Return how much."""
        return {**super().template_context(), "amount": self.amount.formatted()}


class ShipmentEvent(OrderEvent):
    """Something about a parcel."""

    tracking_number: str
    location: str | None = None

    def template_context(self) -> Mapping[str, Any]:
        """Return the number and where it is."""
        return {
            **super().template_context(),
            "tracking_number": self.tracking_number,
            "location": self.location,
        }


CONSUMES: Mapping[str, Mapping[str, type[Heard]]] = {
    "user.events": {
        "minishop.user.registered.v1": UserChanged,
        "minishop.user.updated.v1": UserChanged,
        "minishop.user.deleted.v1": UserDeleted,
        "minishop.user.verification_requested.v1": VerificationRequested,
        "minishop.user.password_reset_requested.v1": PasswordResetRequested,
    },
    "order.events": {
        "minishop.order.confirmed.v1": OrderConfirmed,
        "minishop.order.confirmed.v2": OrderConfirmed,
        "minishop.order.cancelled.v1": OrderEvent,
        "minishop.order.expired.v1": OrderEvent,
        "minishop.order.completed.v1": OrderEvent,
    },
    "payment.events": {
        "minishop.payment.action_required.v1": PaymentActionRequired,
        "minishop.payment.captured.v1": MoneyMoved,
        "minishop.payment.failed.v1": PaymentFailed,
        "minishop.payment.refunded.v1": MoneyMoved,
    },
    "shipment.events": {
        "minishop.shipment.dispatched.v1": ShipmentEvent,
        "minishop.shipment.in_transit.v1": ShipmentEvent,
        "minishop.shipment.delivered.v1": ShipmentEvent,
        "minishop.shipment.failed.v1": ShipmentEvent,
    },
}


async def _registered(connection: AsyncConnection, event: ReceivedEvent) -> None:
    await _changed(connection, event)
    user_id = event.parse(UserChanged).user_id
    plan = PLANS[event.type]
    await service.notify(connection, event_id=event.id, user_id=user_id, plan=plan, data={})


async def _changed(connection: AsyncConnection, event: ReceivedEvent) -> None:
    heard = event.parse(UserChanged)
    await service.upsert_recipient(
        connection,
        Recipient(
            user_id=heard.user_id,
            name=heard.name,
            locale=heard.locale,
            email=heard.email,
            phone=heard.phone,
        ),
    )


async def _deleted(connection: AsyncConnection, event: ReceivedEvent) -> None:
    await recipients.erase(connection, event.parse(UserDeleted).user_id)


async def _verification(connection: AsyncConnection, event: ReceivedEvent) -> None:
    heard = event.parse(VerificationRequested)
    channel: Channel = "sms" if heard.channel == "phone" else "email"
    await service.notify(
        connection,
        event_id=event.id,
        user_id=heard.user_id,
        plan=Plan("verification_code", "security", (channel,)),
        data={"code": heard.code},
        destination=heard.destination,
    )


async def _password_reset(connection: AsyncConnection, event: ReceivedEvent) -> None:
    heard = event.parse(PasswordResetRequested)
    await service.notify(
        connection,
        event_id=event.id,
        user_id=heard.user_id,
        plan=PLANS[event.type],
        data={"code": heard.code},
        destination=heard.email,
    )


def _about_order(model: type[OrderEvent], plan: Plan) -> Handler[AsyncConnection]:
    async def handle(connection: AsyncConnection, event: ReceivedEvent) -> None:
        heard = event.parse(model)
        await service.notify(
            connection,
            event_id=event.id,
            user_id=heard.customer_id,
            order_id=heard.order_id,
            plan=plan,
            data=heard.template_context(),
        )

    return handle


HANDLERS: Mapping[str, Handler[AsyncConnection]] = {
    "minishop.user.registered.v1": _registered,
    "minishop.user.updated.v1": _changed,
    "minishop.user.deleted.v1": _deleted,
    "minishop.user.verification_requested.v1": _verification,
    "minishop.user.password_reset_requested.v1": _password_reset,
} | {
    type_: _about_order(model, PLANS[type_])
    for types in CONSUMES.values()
    for type_, model in types.items()
    if issubclass(model, OrderEvent)
}
