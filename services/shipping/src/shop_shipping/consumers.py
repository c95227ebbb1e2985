"""The events the shipping service subscribes to: orders to ship, and orders to stop."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared.messaging.events import ReceivedEvent
from shop_shared.messaging.subscriptions import Subscription
from shop_shared.stores import erasure
from shop_shipping import service

GROUP = "shipping"


class OrderEventPayload(BaseModel):
    """An event about an order: the fields read here, whatever else it has."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    order_id: UUID
    customer_id: UUID


class OrderConfirmed(OrderEventPayload):
    """Paid: send it."""

    shipping_address: dict[str, Any]


class OrderCancellationRequested(OrderEventPayload):
    """Stop the parcel if it is still here."""


class OrderCancelled(OrderEventPayload):
    """Ended. A parcel that is still here stays."""


class UserDeleted(BaseModel):
    """A customer's account is deleted."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    user_id: UUID


async def _user_deleted(
    connection: AsyncConnection, user: UserDeleted, _event: ReceivedEvent
) -> None:
    await erasure.record(connection, user.user_id)


def subscriptions(carrier: str) -> tuple[Subscription[AsyncConnection, Any], ...]:
    """Return the subscription table; new parcels go by this carrier."""

    async def confirmed(
        connection: AsyncConnection, order: OrderConfirmed, _event: ReceivedEvent
    ) -> None:
        await service.create(
            connection,
            order_id=order.order_id,
            customer_id=order.customer_id,
            address=order.shipping_address,
            carrier=carrier,
        )

    async def cancellation_requested(
        connection: AsyncConnection, order: OrderCancellationRequested, _event: ReceivedEvent
    ) -> None:
        if not await service.stop(connection, order.order_id):
            await service.record_cancelled_before_shipping(
                connection, order_id=order.order_id, customer_id=order.customer_id, carrier=carrier
            )

    async def cancelled(
        connection: AsyncConnection, order: OrderCancelled, _event: ReceivedEvent
    ) -> None:
        await service.stop(connection, order.order_id)

    topic = "order.events"
    return (
        Subscription(topic, "minishop.order.confirmed.v1", OrderConfirmed, confirmed),
        Subscription(topic, "minishop.order.confirmed.v2", OrderConfirmed, confirmed),
        Subscription(
            topic,
            "minishop.order.cancellation_requested.v1",
            OrderCancellationRequested,
            cancellation_requested,
        ),
        Subscription(topic, "minishop.order.cancelled.v1", OrderCancelled, cancelled),
        Subscription("user.events", "minishop.user.deleted.v1", UserDeleted, _user_deleted),
    )
