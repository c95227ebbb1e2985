"""The events the product service subscribes to: orders, as far as they move stock."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from shop_product.repository.store import Tx
from shop_product.service import reservations
from shop_shared.clock import now
from shop_shared.messaging.events import ReceivedEvent, ReceivedPayload
from shop_shared.messaging.subscriptions import Subscription, subscribe
from shop_shared.stores import mongo

GROUP = "product"


class OrderEventPayload(ReceivedPayload):
    """An event about an order: the fields read here, whatever else it has."""

    order_id: UUID


class WantedLine(BaseModel):
    """Units of a product that the customer wants."""

    product_id: UUID
    quantity: Annotated[int, Field(ge=1)]


class WantedPayment(BaseModel):
    """How the customer pays: here, in which currency."""

    currency: str


class OrderPlaced(OrderEventPayload):
    """An order wants stock and a price."""

    customer_id: UUID
    lines: Annotated[tuple[WantedLine, ...], Field(min_length=1)]
    payment: WantedPayment


class OrderConfirmed(OrderEventPayload):
    """The order is paid: its units are sold."""


class OrderCancelled(OrderEventPayload):
    """The order ended: its units come back."""

    reason: str
    restock: bool = True


class ReturnReceived(OrderEventPayload):
    """Units that were sold are here again; on the shelf where they can be sold."""

    return_id: UUID
    lines: Annotated[tuple[WantedLine, ...], Field(min_length=1)]
    restock: bool


class OrderExpired(OrderEventPayload):
    """Nobody paid in time: the units come back."""


def subscriptions(reservation_time: timedelta) -> tuple[Subscription[mongo.Session, Any], ...]:
    """Return the subscription table; new reservations hold stock for that long."""

    async def placed(session: mongo.Session, order: OrderPlaced, _event: ReceivedEvent) -> None:
        await reservations.reserve(
            Tx.of(session),
            order_id=order.order_id,
            customer_id=order.customer_id,
            lines=[(line.product_id, line.quantity) for line in order.lines],
            currency=order.payment.currency,
            reserved_until=now() + reservation_time,
        )

    async def confirmed(
        session: mongo.Session, order: OrderConfirmed, _event: ReceivedEvent
    ) -> None:
        await reservations.commit(Tx.of(session), order_id=order.order_id)

    async def cancelled(
        session: mongo.Session, order: OrderCancelled, _event: ReceivedEvent
    ) -> None:
        await reservations.release(
            Tx.of(session), order_id=order.order_id, reason=order.reason, restock=order.restock
        )

    async def expired(session: mongo.Session, order: OrderExpired, _event: ReceivedEvent) -> None:
        await reservations.release(
            Tx.of(session), order_id=order.order_id, reason="expired", restock=False
        )

    async def return_received(
        session: mongo.Session, returned: ReturnReceived, _event: ReceivedEvent
    ) -> None:
        if returned.restock:
            await reservations.take_back(
                Tx.of(session),
                order_id=returned.order_id,
                return_id=returned.return_id,
                lines=[(line.product_id, line.quantity) for line in returned.lines],
            )

    return (
        subscribe("order.placed.v1", OrderPlaced, placed),
        subscribe("order.placed.v2", OrderPlaced, placed),
        subscribe("order.confirmed.v1", OrderConfirmed, confirmed),
        subscribe("order.confirmed.v2", OrderConfirmed, confirmed),
        subscribe("order.cancelled.v1", OrderCancelled, cancelled),
        subscribe("order.expired.v1", OrderExpired, expired),
        subscribe("order.return_received.v1", ReturnReceived, return_received),
    )
