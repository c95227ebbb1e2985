"""What the payment service hears, and what each event means to a payment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_payment import domain, service
from shop_shared.messaging.consumer import Handler
from shop_shared.messaging.events import ReceivedEvent

GROUP = "payment"


class Heard(BaseModel):
    """Someone else's event about an order: what is read here, whatever else it says."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    order_id: UUID

    def message(self) -> domain.Message:
        """Return what it means to the order's payment."""
        raise NotImplementedError


class HeardMoney(BaseModel):
    """Money as events carry it."""

    amount: int
    currency: str


class HeardMethod(BaseModel):
    """How the customer chose to pay."""

    provider: str
    method: str
    currency: str
    token: str | None = None


class OrderPlaced(Heard):
    """The customer has ordered and chosen how to pay."""

    customer_id: UUID
    payment: HeardMethod

    def message(self) -> domain.Message:
        """Return who pays and how."""
        chosen = self.payment
        return domain.OrderPlaced(
            customer_id=self.customer_id,
            method=domain.Method(
                provider=chosen.provider,
                name=chosen.method,
                currency=chosen.currency,
                token=chosen.token,
            ),
        )


class InventoryReserved(Heard):
    """The goods are held and their price is known."""

    customer_id: UUID
    total: HeardMoney
    reserved_until: datetime | None = None

    def message(self) -> domain.Message:
        """Return how much, and until when."""
        return domain.StockReserved(
            customer_id=self.customer_id,
            total=domain.Total(amount=self.total.amount, currency=self.total.currency),
            until=self.reserved_until,
        )


class OrderClosed(Heard):
    """The order was cancelled or expired."""

    def message(self) -> domain.Message:
        """Return just that."""
        return domain.OrderAbandoned()


CONSUMES: Mapping[str, Mapping[str, type[Heard]]] = {
    "order.events": {
        "minishop.order.placed.v1": OrderPlaced,
        "minishop.order.placed.v2": OrderPlaced,
        "minishop.order.cancelled.v1": OrderClosed,
        "minishop.order.expired.v1": OrderClosed,
    },
    "inventory.events": {"minishop.inventory.reserved.v1": InventoryReserved},
}


def _hear(model: type[Heard]) -> Handler[AsyncConnection]:
    async def handle(connection: AsyncConnection, event: ReceivedEvent) -> None:
        heard = event.parse(model)
        await service.handle_order_event(connection, heard.order_id, heard.message())

    return handle


HANDLERS: Mapping[str, Handler[AsyncConnection]] = {
    type_: _hear(model) for types in CONSUMES.values() for type_, model in types.items()
}
