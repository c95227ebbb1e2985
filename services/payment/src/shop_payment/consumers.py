"""The events that the payment service subscribes to, and what each means to a payment."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_payment import domain, service
from shop_shared.messaging.events import ReceivedEvent, ReceivedPayload
from shop_shared.messaging.subscriptions import Subscription, subscribe

GROUP = "payment"


class OrderEvent(ReceivedPayload):
    """Another service's event about an order: the fields that are read here; others are ignored."""

    order_id: UUID


class ReceivedMoney(BaseModel):
    """Money as events carry it, in minor units."""

    amount: int
    currency: str


class ChosenMethod(BaseModel):
    """How the customer chose to pay."""

    provider: str
    method: str
    currency: str
    token: str | None = None

    def to_domain(self) -> domain.Method:
        """Return the method."""
        return domain.Method(
            provider=self.provider, name=self.method, currency=self.currency, token=self.token
        )


class OrderPlaced(OrderEvent):
    """The customer has ordered and chosen how to pay."""

    customer_id: UUID
    order_number: str | None = None
    payment: ChosenMethod


class PaymentRetried(OrderEvent):
    """The customer has chosen another way to pay, the first having failed."""

    attempt: int
    payment: ChosenMethod


class InventoryReserved(OrderEvent):
    """The goods are held and their price is known."""

    customer_id: UUID
    total: ReceivedMoney
    reserved_until: datetime | None = None


class ReturnReceived(OrderEvent):
    """Goods of the order came back; `refund` is what goes back for them."""

    return_id: UUID
    refund: ReceivedMoney


class OrderClosed(OrderEvent):
    """The order was cancelled or expired."""


async def _on_placed(tx: AsyncConnection, placed: OrderPlaced, _event: ReceivedEvent) -> None:
    message = domain.OrderPlaced(
        customer_id=placed.customer_id,
        method=placed.payment.to_domain(),
        order_number=placed.order_number,
    )
    await service.handle_order_event(tx, placed.order_id, message)


async def _on_retried(tx: AsyncConnection, retried: PaymentRetried, event: ReceivedEvent) -> None:
    await service.retry(
        tx,
        retried.order_id,
        attempt=retried.attempt,
        method=retried.payment.to_domain(),
        event_id=event.id,
    )


async def _on_reserved(
    tx: AsyncConnection, reserved: InventoryReserved, _event: ReceivedEvent
) -> None:
    total = domain.Total(amount=reserved.total.amount, currency=reserved.total.currency)
    message = domain.StockReserved(
        customer_id=reserved.customer_id, total=total, until=reserved.reserved_until
    )
    await service.handle_order_event(tx, reserved.order_id, message)


async def _on_return_received(
    tx: AsyncConnection, returned: ReturnReceived, _event: ReceivedEvent
) -> None:
    if returned.refund.amount:
        message = domain.ReturnReceived(return_id=returned.return_id, amount=returned.refund.amount)
        await service.handle_order_event(tx, returned.order_id, message)


async def _on_closed(tx: AsyncConnection, closed: OrderClosed, _event: ReceivedEvent) -> None:
    await service.handle_order_event(tx, closed.order_id, domain.OrderAbandoned())


SUBSCRIPTIONS: tuple[Subscription[AsyncConnection, Any], ...] = (
    subscribe("order.placed.v1", OrderPlaced, _on_placed),
    subscribe("order.placed.v2", OrderPlaced, _on_placed),
    subscribe("order.payment_retried.v1", PaymentRetried, _on_retried),
    subscribe("order.return_received.v1", ReturnReceived, _on_return_received),
    subscribe("order.cancelled.v1", OrderClosed, _on_closed),
    subscribe("order.expired.v1", OrderClosed, _on_closed),
    subscribe("inventory.reserved.v1", InventoryReserved, _on_reserved),
)
