"""What the order service hears, and what each event means to an order."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_order import domain, service
from shop_order.repository import Cause
from shop_shared.messaging.consumer import Handler
from shop_shared.messaging.events import ReceivedEvent

GROUP = "order"


class Heard(BaseModel):
    """Someone else's event about an order: what is read here, whatever else it says."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    order_id: UUID

    def fact(self) -> domain.Fact:
        """Return what it means to the order."""
        raise NotImplementedError


class HeardMoney(BaseModel):
    """Money as events carry it."""

    amount: int
    currency: str

    def value(self) -> domain.Money:
        """Return it as the domain has it."""
        return domain.Money(self.amount, self.currency)


class ReservedLine(BaseModel):
    """Goods at the catalogue's price."""

    product_id: UUID
    quantity: int
    sku: str
    name: str
    unit_price: HeardMoney


class InventoryReserved(Heard):
    """The stock is held."""

    lines: tuple[ReservedLine, ...]
    total: HeardMoney
    reserved_until: datetime

    def fact(self) -> domain.Fact:
        """Return the priced lines."""
        lines = tuple(
            domain.Line(
                line.product_id, line.quantity, line.sku, line.name, line.unit_price.value()
            )
            for line in self.lines
        )
        return domain.InventoryReserved(lines, self.total.value(), self.reserved_until)


class InventoryRejected(Heard):
    """The stock cannot serve it."""

    reason: str

    def fact(self) -> domain.Fact:
        """Return why."""
        return domain.InventoryRejected(self.reason)


class InventoryReleased(Heard):
    """The stock is no longer held."""

    def fact(self) -> domain.Fact:
        """Return just that."""
        return domain.InventoryReleased()


class PaymentCaptured(Heard):
    """The money is ours."""

    amount: HeardMoney

    def fact(self) -> domain.Fact:
        """Return how much."""
        return domain.PaymentCaptured(self.amount.value())


class PaymentFailed(Heard):
    """There will be no money."""

    reason: str

    def fact(self) -> domain.Fact:
        """Return why."""
        return domain.PaymentFailed(self.reason)


class PaymentRefunded(Heard):
    """Money went back."""

    total_refunded: HeardMoney
    full: bool

    def fact(self) -> domain.Fact:
        """Return how much in all."""
        return domain.PaymentRefunded(self.total_refunded.value(), full=self.full)


class ShipmentCreated(Heard):
    """The parcel has a number."""

    tracking_number: str

    def fact(self) -> domain.Fact:
        """Return the number."""
        return domain.ShipmentCreated(self.tracking_number)


class ShipmentMoved(Heard):
    """The parcel has left, or was seen on its way."""

    def fact(self) -> domain.Fact:
        """Return just that."""
        return domain.ShipmentMoved()


class ShipmentDelivered(Heard):
    """The parcel has arrived."""

    def fact(self) -> domain.Fact:
        """Return just that."""
        return domain.ShipmentDelivered()


class ShipmentFailed(Heard):
    """The parcel will not arrive."""

    reason: Literal["cancelled", "lost", "refused", "undeliverable"]

    def fact(self) -> domain.Fact:
        """Return why."""
        return domain.ShipmentFailed(self.reason)


CONSUMES: Mapping[str, Mapping[str, type[Heard]]] = {
    "inventory.events": {
        "minishop.inventory.reserved.v1": InventoryReserved,
        "minishop.inventory.rejected.v1": InventoryRejected,
        "minishop.inventory.released.v1": InventoryReleased,
    },
    "payment.events": {
        "minishop.payment.captured.v1": PaymentCaptured,
        "minishop.payment.failed.v1": PaymentFailed,
        "minishop.payment.refunded.v1": PaymentRefunded,
    },
    "shipment.events": {
        "minishop.shipment.created.v1": ShipmentCreated,
        "minishop.shipment.dispatched.v1": ShipmentMoved,
        "minishop.shipment.in_transit.v1": ShipmentMoved,
        "minishop.shipment.delivered.v1": ShipmentDelivered,
        "minishop.shipment.failed.v1": ShipmentFailed,
    },
}


def _hear(model: type[Heard]) -> Handler[AsyncConnection]:
    async def handle(connection: AsyncConnection, event: ReceivedEvent) -> None:
        heard = event.parse(model)
        await service.learn(
            connection, heard.order_id, heard.fact(), Cause(event.type, event_id=event.id)
        )

    return handle


HANDLERS: Mapping[str, Handler[AsyncConnection]] = {
    type_: _hear(model) for types in CONSUMES.values() for type_, model in types.items()
}
