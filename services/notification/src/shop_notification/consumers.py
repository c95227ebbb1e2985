"""The events the notification service subscribes to, and the messages made of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from shop_notification import service
from shop_notification.payloads import (
    EmailChanged,
    MoneyMoved,
    OrderConfirmed,
    OrderEvent,
    PasswordResetRequested,
    PaymentActionRequired,
    PaymentFailed,
    RegistrationRepeated,
    ReturnEvent,
    ShipmentEvent,
    ShipmentFailed,
    ShipmentMoved,
    UserChanged,
    UserDeleted,
    VerificationRequested,
)
from shop_notification.plans import PLANS, Channel, Plan
from shop_notification.repository import erasure
from shop_notification.repository.recipients import Recipient
from shop_shared.clock import now
from shop_shared.messaging.events import ReceivedEvent
from shop_shared.messaging.subscriptions import Subscription, subscribe

GROUP = "notification"


async def _registered(tx: AsyncConnection, user: UserChanged, event: ReceivedEvent) -> None:
    await _changed(tx, user, event)
    plan = PLANS[event.type]
    await service.notify(tx, event_id=event.id, user_id=user.user_id, plan=plan, data={})


async def _changed(tx: AsyncConnection, user: UserChanged, _event: ReceivedEvent) -> None:
    recipient = Recipient(
        user_id=user.user_id,
        name=user.name,
        locale=user.locale,
        email=user.email,
        phone=user.phone,
        version=user.version,
    )
    await service.upsert_recipient(tx, recipient)


async def _deleted(tx: AsyncConnection, user: UserDeleted, _event: ReceivedEvent) -> None:
    await erasure.erase(tx, user.user_id)


async def _verification(
    tx: AsyncConnection, wanted: VerificationRequested, event: ReceivedEvent
) -> None:
    channel: Channel = "sms" if wanted.channel == "phone" else "email"
    await service.notify(
        tx,
        event_id=event.id,
        user_id=wanted.user_id,
        plan=Plan("verification_code", "security", (channel,)),
        data=wanted.template_context(),
        destination=wanted.destination,
    )


async def _password_reset(
    tx: AsyncConnection, wanted: PasswordResetRequested, event: ReceivedEvent
) -> None:
    await service.notify(
        tx,
        event_id=event.id,
        user_id=wanted.user_id,
        plan=PLANS[event.type],
        data=wanted.template_context(),
        destination=wanted.email,
    )


async def _email_changed(tx: AsyncConnection, moved: EmailChanged, event: ReceivedEvent) -> None:
    await service.notify(
        tx,
        event_id=event.id,
        user_id=moved.user_id,
        plan=PLANS[event.type],
        data={"new_email": moved.new_email},
        destination=moved.old_email,
    )


async def _registration_repeated(
    tx: AsyncConnection, repeated: RegistrationRepeated, event: ReceivedEvent
) -> None:
    """Tell the owner once a day, however often somebody tries."""
    await service.notify(
        tx,
        event_id=f"registration-repeated:{repeated.user_id}:{now().date()}",
        user_id=repeated.user_id,
        plan=PLANS[event.type],
        data={},
    )


async def _about_order(tx: AsyncConnection, order: OrderEvent, event: ReceivedEvent) -> None:
    await service.notify(
        tx,
        event_id=event.id,
        user_id=order.customer_id,
        order_id=order.order_id,
        plan=PLANS[event.type],
        data=order.template_context(),
    )


async def _shipment_failed(
    tx: AsyncConnection, shipment: ShipmentFailed, event: ReceivedEvent
) -> None:
    """Tell of a parcel that left. One that was stopped is told with its order's cancellation."""
    if not shipment.was_stopped:
        await _about_order(tx, shipment, event)


SUBSCRIPTIONS: tuple[Subscription[AsyncConnection, Any], ...] = (
    subscribe("user.registered.v1", UserChanged, _registered),
    subscribe("user.updated.v1", UserChanged, _changed),
    subscribe("user.deleted.v1", UserDeleted, _deleted),
    subscribe("user.verification_requested.v1", VerificationRequested, _verification),
    subscribe("user.password_reset_requested.v1", PasswordResetRequested, _password_reset),
    subscribe("user.email_changed.v1", EmailChanged, _email_changed),
    subscribe("user.registration_repeated.v1", RegistrationRepeated, _registration_repeated),
    subscribe("order.confirmed.v1", OrderConfirmed, _about_order),
    subscribe("order.confirmed.v2", OrderConfirmed, _about_order),
    subscribe("order.cancelled.v1", OrderEvent, _about_order),
    subscribe("order.expired.v1", OrderEvent, _about_order),
    subscribe("order.completed.v1", OrderEvent, _about_order),
    subscribe("order.return_requested.v1", ReturnEvent, _about_order),
    subscribe("order.return_approved.v1", ReturnEvent, _about_order),
    subscribe("order.return_refused.v1", ReturnEvent, _about_order),
    subscribe("payment.action_required.v1", PaymentActionRequired, _about_order),
    subscribe("payment.captured.v1", MoneyMoved, _about_order),
    subscribe("payment.failed.v1", PaymentFailed, _about_order),
    subscribe("payment.refunded.v1", MoneyMoved, _about_order),
    subscribe("payment.second_charge_returned.v1", MoneyMoved, _about_order),
    subscribe("shipment.dispatched.v1", ShipmentEvent, _about_order),
    subscribe("shipment.in_transit.v1", ShipmentMoved, _about_order),
    subscribe("shipment.delivered.v1", ShipmentEvent, _about_order),
    subscribe("shipment.failed.v1", ShipmentFailed, _shipment_failed),
)
