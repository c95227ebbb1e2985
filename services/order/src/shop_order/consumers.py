"""The events the order service subscribes to, and the domain event each one makes."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_order import domain, repository, service
from shop_order.repository import Cause
from shop_order.returns import service as return_service
from shop_shared.messaging import deleted_customers
from shop_shared.messaging.events import ReceivedEvent, ReceivedPayload
from shop_shared.messaging.subscriptions import Subscription, subscribe
from shop_shared.money import Money

GROUP = "order"


class OrderEventPayload(ReceivedPayload):
    """An event about an order: the fields read here, whatever else it has."""

    order_id: UUID

    def to_domain(self) -> domain.DomainEvent:
        """Return the domain event."""
        raise NotImplementedError


class ReservedLine(BaseModel):
    """Goods at the catalogue's price."""

    product_id: UUID
    quantity: int
    sku: str
    name: str
    unit_price: Money


class InventoryReserved(OrderEventPayload):
    """The stock is held."""

    lines: tuple[ReservedLine, ...]
    total: Money
    reserved_until: datetime

    def to_domain(self) -> domain.DomainEvent:
        """Return the domain event."""
        lines = tuple(
            domain.Line(line.product_id, line.quantity, line.sku, line.name, line.unit_price)
            for line in self.lines
        )
        return domain.InventoryReserved(lines, self.total, self.reserved_until)


class InventoryRejected(OrderEventPayload):
    """The stock cannot serve it."""

    reason: str

    def to_domain(self) -> domain.DomainEvent:
        """Return the domain event."""
        return domain.InventoryRejected(self.reason)


class InventoryReleased(OrderEventPayload):
    """The stock is no longer held."""

    def to_domain(self) -> domain.DomainEvent:
        """Return the domain event."""
        return domain.InventoryReleased()


class PaymentCaptured(OrderEventPayload):
    """The money is ours."""

    amount: Money

    def to_domain(self) -> domain.DomainEvent:
        """Return the domain event."""
        return domain.PaymentCaptured(self.amount)


class PaymentFailed(OrderEventPayload):
    """There will be no money by this attempt."""

    reason: str
    message: str = ""
    attempt: int = 1
    retry_until: datetime | None = None

    def to_domain(self) -> domain.DomainEvent:
        """Return the domain event."""
        return domain.PaymentFailed(
            self.reason, self.message, self.attempt, can_retry=self.retry_until is not None
        )


class PaymentRefunded(OrderEventPayload):
    """Money went back."""

    total_refunded: Money
    full: bool
    refund_id: UUID | None = None
    amount: Money | None = None

    def to_domain(self) -> domain.DomainEvent:
        """Return the domain event."""
        return domain.PaymentRefunded(self.total_refunded, full=self.full)


class RefundFailed(ReceivedPayload):
    """Money could not be returned, or came back later."""

    order_id: UUID
    refund_id: UUID
    total_refunded: Money | None = None


class ShipmentCreated(OrderEventPayload):
    """The parcel has a number."""

    tracking_number: str

    def to_domain(self) -> domain.DomainEvent:
        """Return the domain event."""
        return domain.ShipmentCreated(self.tracking_number)


class ShipmentMoved(OrderEventPayload):
    """The parcel has left, or was seen on its way."""

    def to_domain(self) -> domain.DomainEvent:
        """Return the domain event."""
        return domain.ShipmentMoved()


class ShipmentDelivered(OrderEventPayload):
    """The parcel has arrived."""

    def to_domain(self) -> domain.DomainEvent:
        """Return the domain event."""
        return domain.ShipmentDelivered()


class ShipmentFailed(OrderEventPayload):
    """The parcel will not arrive."""

    reason: Literal["cancelled", "lost", "refused", "undeliverable"]

    def to_domain(self) -> domain.DomainEvent:
        """Return the domain event."""
        return domain.ShipmentFailed(self.reason)


async def _handle(
    connection: AsyncConnection, payload: OrderEventPayload, event: ReceivedEvent
) -> None:
    await service.handle_event(
        connection, payload.order_id, payload.to_domain(), Cause(event.type, event_id=event.id)
    )


async def _refunded(
    connection: AsyncConnection, refunded: PaymentRefunded, event: ReceivedEvent
) -> None:
    await _handle(connection, refunded, event)
    if refunded.refund_id is not None and refunded.amount is not None:
        await return_service.handle_refund(
            connection,
            refunded.order_id,
            refunded.refund_id,
            refunded.amount,
            full=refunded.full,
        )


async def _refund_failed(
    connection: AsyncConnection, failed: RefundFailed, event: ReceivedEvent
) -> None:
    order = await repository.lock(connection, failed.order_id)
    if order is None:
        raise service.UnknownOrderError(f"refund of order {failed.order_id}")
    known = order
    if failed.total_refunded is not None:
        message = domain.RefundFailed(failed.total_refunded)
        cause = Cause(event.type, event_id=event.id)
        known = await service.handle_event(connection, order.id, message, cause)
    if known.refunded_amount < order.refunded_amount:
        await return_service.handle_refund_that_came_back(connection, order.id, failed.refund_id)
    else:
        await return_service.handle_failed_refund(connection, order, failed.refund_id)


SUBSCRIPTIONS: tuple[Subscription[AsyncConnection, Any], ...] = (
    subscribe("inventory.reserved.v1", InventoryReserved, _handle),
    subscribe("inventory.rejected.v1", InventoryRejected, _handle),
    subscribe("inventory.released.v1", InventoryReleased, _handle),
    subscribe("payment.captured.v1", PaymentCaptured, _handle),
    subscribe("payment.failed.v1", PaymentFailed, _handle),
    subscribe("payment.refunded.v1", PaymentRefunded, _refunded),
    subscribe("payment.refund_failed.v1", RefundFailed, _refund_failed),
    subscribe("shipment.created.v1", ShipmentCreated, _handle),
    subscribe("shipment.dispatched.v1", ShipmentMoved, _handle),
    subscribe("shipment.in_transit.v1", ShipmentMoved, _handle),
    subscribe("shipment.delivered.v1", ShipmentDelivered, _handle),
    subscribe("shipment.failed.v1", ShipmentFailed, _handle),
    deleted_customers.SUBSCRIPTION,
)
