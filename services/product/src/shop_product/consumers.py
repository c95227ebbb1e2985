"""What the product service hears: the life of orders, as far as it moves stock."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shop_product.repository.store import Tx
from shop_product.service import reservations
from shop_product.settings import Settings
from shop_shared.clock import now
from shop_shared.messaging.consumer import Handler
from shop_shared.messaging.events import ReceivedEvent
from shop_shared.stores import mongo

GROUP = "product"


class Heard(BaseModel):
    """An order's event: what is read here, whatever else it says."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    order_id: UUID


class WantedLine(BaseModel):
    """Units of a product that the customer wants."""

    product_id: UUID
    quantity: Annotated[int, Field(ge=1)]


class WantedPayment(BaseModel):
    """How the customer pays: here, in which currency."""

    currency: str


class OrderPlaced(Heard):
    """An order wants stock and a price."""

    customer_id: UUID
    lines: Annotated[tuple[WantedLine, ...], Field(min_length=1)]
    payment: WantedPayment


class OrderConfirmed(Heard):
    """The order is paid: its units are sold."""


class OrderCancelled(Heard):
    """The order ended: its units come back."""

    reason: str
    restock: bool = True


class OrderExpired(Heard):
    """Nobody paid in time: the units come back."""


CONSUMES: Mapping[str, Mapping[str, type[Heard]]] = {
    "order.events": {
        "minishop.order.placed.v1": OrderPlaced,
        "minishop.order.confirmed.v1": OrderConfirmed,
        "minishop.order.cancelled.v1": OrderCancelled,
        "minishop.order.expired.v1": OrderExpired,
    }
}


def handlers(settings: Settings) -> Mapping[str, Handler[mongo.Session]]:
    """Return the handler of each type heard."""

    async def placed(session: mongo.Session, event: ReceivedEvent) -> None:
        order = event.parse(OrderPlaced)
        await reservations.reserve(
            Tx.of(session),
            order_id=order.order_id,
            customer_id=order.customer_id,
            lines=[(line.product_id, line.quantity) for line in order.lines],
            currency=order.payment.currency,
            reserved_until=now() + settings.reservation_time,
        )

    async def confirmed(session: mongo.Session, event: ReceivedEvent) -> None:
        order = event.parse(OrderConfirmed)
        await reservations.commit(Tx.of(session), order_id=order.order_id)

    async def cancelled(session: mongo.Session, event: ReceivedEvent) -> None:
        order = event.parse(OrderCancelled)
        await reservations.release(
            Tx.of(session), order_id=order.order_id, reason=order.reason, restock=order.restock
        )

    async def expired(session: mongo.Session, event: ReceivedEvent) -> None:
        order = event.parse(OrderExpired)
        await reservations.release(
            Tx.of(session), order_id=order.order_id, reason="expired", restock=False
        )

    return {
        "minishop.order.placed.v1": placed,
        "minishop.order.confirmed.v1": confirmed,
        "minishop.order.cancelled.v1": cancelled,
        "minishop.order.expired.v1": expired,
    }
