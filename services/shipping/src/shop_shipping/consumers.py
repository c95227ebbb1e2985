"""What the shipping service hears: orders that are to be sent, or no longer."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared.messaging.consumer import Handler
from shop_shared.messaging.events import ReceivedEvent
from shop_shipping import service

GROUP = "shipping"


class Heard(BaseModel):
    """An event about an order: what is read here, whatever else it says."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    order_id: UUID
    customer_id: UUID


class OrderConfirmed(Heard):
    """Paid: send it."""

    shipping_address: dict[str, Any]


class OrderCancellationRequested(Heard):
    """Stop the parcel if it is still here."""


class OrderCancelled(Heard):
    """Ended. A parcel that is still here stays."""


CONSUMES: Mapping[str, Mapping[str, type[Heard]]] = {
    "order.events": {
        "minishop.order.confirmed.v1": OrderConfirmed,
        "minishop.order.cancellation_requested.v1": OrderCancellationRequested,
        "minishop.order.cancelled.v1": OrderCancelled,
    },
}


def handlers(carrier: str) -> Mapping[str, Handler[AsyncConnection]]:
    """Return what is done about each type; new parcels go by this carrier."""

    async def confirmed(connection: AsyncConnection, event: ReceivedEvent) -> None:
        order = event.parse(OrderConfirmed)
        await service.create(
            connection,
            order_id=order.order_id,
            customer_id=order.customer_id,
            address=order.shipping_address,
            carrier=carrier,
        )

    async def cancellation_requested(connection: AsyncConnection, event: ReceivedEvent) -> None:
        order = event.parse(OrderCancellationRequested)
        if not await service.stop(connection, order.order_id):
            await service.never_send(
                connection, order_id=order.order_id, customer_id=order.customer_id, carrier=carrier
            )

    async def cancelled(connection: AsyncConnection, event: ReceivedEvent) -> None:
        await service.stop(connection, event.parse(OrderCancelled).order_id)

    return {
        "minishop.order.confirmed.v1": confirmed,
        "minishop.order.cancellation_requested.v1": cancellation_requested,
        "minishop.order.cancelled.v1": cancelled,
    }
