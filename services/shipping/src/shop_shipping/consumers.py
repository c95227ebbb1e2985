"""The events the shipping service subscribes to: orders to ship, and orders to stop."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared.messaging import deleted_customers
from shop_shared.messaging.events import ReceivedEvent, ReceivedPayload
from shop_shared.messaging.subscriptions import Subscription, subscribe
from shop_shipping import service

GROUP = "shipping"


class OrderEventPayload(ReceivedPayload):
    """An event about an order: the fields read here, whatever else it has."""

    order_id: UUID
    order_number: str | None = None
    customer_id: UUID


class OrderConfirmed(OrderEventPayload):
    """Paid: send it."""

    shipping_address: dict[str, Any]


class OrderCancellationRequested(OrderEventPayload):
    """Stop the parcel if it is still here."""


class OrderCancelled(OrderEventPayload):
    """Ended. A parcel that is still here stays."""


def subscriptions(carrier: str) -> tuple[Subscription[AsyncConnection, Any], ...]:
    """Return the subscription table; new parcels go by this carrier."""

    async def confirmed(
        connection: AsyncConnection, order: OrderConfirmed, _event: ReceivedEvent
    ) -> None:
        await service.create(
            connection,
            order_id=order.order_id,
            order_number=order.order_number,
            customer_id=order.customer_id,
            address=order.shipping_address,
            carrier=carrier,
        )

    async def cancellation_requested(
        connection: AsyncConnection, order: OrderCancellationRequested, _event: ReceivedEvent
    ) -> None:
        if not await service.stop(connection, order.order_id):
            await service.record_cancelled_before_shipping(
                connection,
                order_id=order.order_id,
                order_number=order.order_number,
                customer_id=order.customer_id,
                carrier=carrier,
            )

    async def cancelled(
        connection: AsyncConnection, order: OrderCancelled, _event: ReceivedEvent
    ) -> None:
        await service.stop(connection, order.order_id)

    return (
        subscribe("order.confirmed.v1", OrderConfirmed, confirmed),
        subscribe("order.confirmed.v2", OrderConfirmed, confirmed),
        subscribe(
            "order.cancellation_requested.v1",
            OrderCancellationRequested,
            cancellation_requested,
        ),
        subscribe("order.cancelled.v1", OrderCancelled, cancelled),
        deleted_customers.SUBSCRIPTION,
    )
