"""What the product service says happened: to products, and to stock."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from shop_shared.messaging.events import Event, EventPayload, event
from shop_shared.money import Money


class ProductFacts(EventPayload):
    """A product as the rest of the shop knows it."""

    aggregate: ClassVar[str] = "product"

    product_id: UUID
    sku: str
    name: str
    price: Money
    category: str
    active: bool
    version: int


class ProductCreated(ProductFacts):
    """A product joined the catalogue."""

    type: ClassVar[str] = "minishop.product.created.v1"


class ProductUpdated(ProductFacts):
    """A product changed."""

    type: ClassVar[str] = "minishop.product.updated.v1"


class ProductDeleted(EventPayload):
    """A product left the catalogue."""

    type: ClassVar[str] = "minishop.product.deleted.v1"
    aggregate: ClassVar[str] = "product"

    product_id: UUID


class ReservedLine(BaseModel, frozen=True, extra="forbid"):
    """Units of one product, at the catalogue's price of that moment."""

    product_id: UUID
    sku: str
    name: str
    quantity: int = Field(ge=1)
    unit_price: Money


class RejectedLine(BaseModel, frozen=True, extra="forbid"):
    """A line that could not be had."""

    product_id: UUID
    requested: int
    available: int


class InventoryReserved(EventPayload):
    """An order's units are put aside, and the order has its price."""

    type: ClassVar[str] = "minishop.inventory.reserved.v1"
    aggregate: ClassVar[str] = "inventory"

    order_id: UUID
    customer_id: UUID
    lines: list[ReservedLine]
    total: Money
    reserved_until: datetime


class InventoryRejected(EventPayload):
    """An order cannot be met."""

    type: ClassVar[str] = "minishop.inventory.rejected.v1"
    aggregate: ClassVar[str] = "inventory"

    order_id: UUID
    reason: Literal["out_of_stock", "unknown_product", "currency_mismatch", "expired"]
    lines: list[RejectedLine]


class InventoryReleased(EventPayload):
    """An order's units can be bought again."""

    type: ClassVar[str] = "minishop.inventory.released.v1"
    aggregate: ClassVar[str] = "inventory"

    order_id: UUID
    reason: str


class InventoryCommitted(EventPayload):
    """An order's units are sold."""

    type: ClassVar[str] = "minishop.inventory.committed.v1"
    aggregate: ClassVar[str] = "inventory"

    order_id: UUID


class LowStock(EventPayload):
    """A product's available units fell to its threshold or under it."""

    type: ClassVar[str] = "minishop.inventory.low_stock.v1"
    aggregate: ClassVar[str] = "inventory"

    product_id: UUID
    sku: str
    available: int
    threshold: int


PUBLISHED: tuple[type[EventPayload], ...] = (
    ProductCreated,
    ProductUpdated,
    ProductDeleted,
    InventoryReserved,
    InventoryRejected,
    InventoryReleased,
    InventoryCommitted,
    LowStock,
)


def created(document: Mapping[str, Any]) -> Event:
    """Make the event of a new product."""
    return event(ProductCreated(**_facts(document)), key=document["_id"])


def updated(document: Mapping[str, Any]) -> Event:
    """Make the event of a changed product."""
    return event(ProductUpdated(**_facts(document)), key=document["_id"])


def _facts(document: Mapping[str, Any]) -> dict[str, Any]:
    fields = ("sku", "name", "price", "category", "active", "version")
    return {"product_id": document["_id"], **{field: document[field] for field in fields}}
