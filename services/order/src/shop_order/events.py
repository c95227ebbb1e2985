"""The events that the order service publishes (topic order.events); contracts in `schemas/`."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from shop_order import domain, order_number
from shop_shared import addresses
from shop_shared.addresses import PostalCode
from shop_shared.clock import now
from shop_shared.messaging.events import Event, EventPayload, event
from shop_shared.money import Currency, Money

_ORDER = "01989f6a-0000-7000-8000-00000000000a"
_NUMBER = {"order_number": order_number.EXAMPLE}
_CUSTOMER = "01989f6a-0000-7000-8000-00000000000b"
_PRODUCT = "01989f6a-0000-7000-8000-000000000001"
_ADDRESS: dict[str, JsonValue] = {
    **addresses.EXAMPLE,
    "line2": None,
    "region": None,
    "phone": None,
}
_NO_POSTAL_CODE: dict[str, JsonValue] = {
    **_ADDRESS,
    "line1": "1 Queen's Road Central",
    "city": "Hong Kong",
    "postal_code": None,
    "country": "HK",
}
_PLACED_EXAMPLE: dict[str, JsonValue] = {
    "lines": [{"product_id": _PRODUCT, "quantity": 2}],
    "payment": {"provider": "stripe", "method": "card", "currency": "USD", "token": None},
    "placed_at": "2026-01-01T12:00:00Z",
}
_CONFIRMED_EXAMPLE: dict[str, JsonValue] = {
    "lines": [
        {
            "product_id": _PRODUCT,
            "quantity": 2,
            "sku": "MUG-1",
            "name": "Mug",
            "unit_price": {"amount": 999, "currency": "USD"},
        }
    ],
    "total": {"amount": 1998, "currency": "USD"},
}


def example(**fields: JsonValue) -> ConfigDict:
    """Return the model config with an example of an order's event."""
    return ConfigDict(
        json_schema_extra={
            "examples": [{"order_id": _ORDER, **_NUMBER, "customer_id": _CUSTOMER, **fields}]
        }
    )


class OrderPayload(EventPayload):
    """What every order event says."""

    aggregate: ClassVar[str] = "order"

    order_id: UUID
    order_number: str = Field(description="The order's number for people")
    customer_id: UUID


_EventLine = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class AddressV2(BaseModel):
    """Where a parcel goes; in some countries without a postal code."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_serialization_defaults_required=True
    )

    name: _EventLine
    line1: _EventLine
    line2: _EventLine | None = None
    city: _EventLine
    region: _EventLine | None = None
    postal_code: PostalCode | None = None
    country: Annotated[str, Field(pattern="^[A-Z]{2}$", examples=["US"])]
    phone: Annotated[str, Field(pattern=r"^\+[0-9]{6,15}$", examples=["+442079460000"])] | None = (
        None
    )


class Address(AddressV2):
    """Where a parcel goes."""

    postal_code: PostalCode


class PlacedLine(BaseModel):
    """Goods asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    product_id: UUID
    quantity: int = Field(ge=1)


class PricedLine(PlacedLine):
    """Goods reserved, at the catalogue's price."""

    sku: str
    name: str
    unit_price: Money


class Payment(BaseModel):
    """How the customer pays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    method: str
    currency: Currency
    token: str | None = None


class OrderPlacedV2(OrderPayload):
    """A customer ordered to an address without a postal code: as v1 otherwise."""

    model_config = example(**_PLACED_EXAMPLE, shipping_address=_NO_POSTAL_CODE)
    type: ClassVar[str] = "minishop.order.placed.v2"

    lines: tuple[PlacedLine, ...] = Field(min_length=1)
    payment: Payment
    shipping_address: AddressV2
    placed_at: datetime


class OrderPlaced(OrderPlacedV2):
    """A customer ordered: reserve the stock, get ready to be paid."""

    model_config = example(**_PLACED_EXAMPLE, shipping_address=_ADDRESS)
    type: ClassVar[str] = "minishop.order.placed.v1"

    shipping_address: Address


class OrderConfirmedV2(OrderPayload):
    """Paid, to an address without a postal code: as v1 otherwise."""

    model_config = example(**_CONFIRMED_EXAMPLE, shipping_address=_NO_POSTAL_CODE)
    type: ClassVar[str] = "minishop.order.confirmed.v2"

    lines: tuple[PricedLine, ...] = Field(min_length=1)
    total: Money
    shipping_address: AddressV2


class OrderConfirmed(OrderConfirmedV2):
    """Paid: commit the stock and ship."""

    model_config = example(**_CONFIRMED_EXAMPLE, shipping_address=_ADDRESS)
    type: ClassVar[str] = "minishop.order.confirmed.v1"

    shipping_address: Address


class OrderPaymentRetried(OrderPayload):
    """The customer has chosen another way to pay, the one before having failed."""

    model_config = example(attempt=2, payment=_PLACED_EXAMPLE["payment"])
    type: ClassVar[str] = "minishop.order.payment_retried.v1"

    attempt: int = Field(ge=2, description="Counts the ways to pay; the first was order.placed's")
    payment: Payment


class OrderCancellationRequested(OrderPayload):
    """Stop the parcel if it has not left, and say so in shipment.failed."""

    model_config = example()
    type: ClassVar[str] = "minishop.order.cancellation_requested.v1"


class OrderCancelled(OrderPayload):
    """Ended without goods."""

    model_config = example(reason="customer", refund=True, restock=True)
    type: ClassVar[str] = "minishop.order.cancelled.v1"

    reason: str = Field(examples=["customer", "out_of_stock", "payment_failed", "delivery_failed"])
    refund: bool = Field(description="Whether captured money is to be given back")
    restock: bool = Field(description="Whether committed goods are back on the shelf")


class OrderExpired(OrderPayload):
    """Not paid in time: the stock is free again."""

    model_config = example()
    type: ClassVar[str] = "minishop.order.expired.v1"


class OrderCompleted(OrderPayload):
    """Delivered."""

    model_config = example(completed_at="2026-01-01T12:00:05Z")
    type: ClassVar[str] = "minishop.order.completed.v1"

    completed_at: datetime


PUBLISHED: tuple[type[EventPayload], ...] = (
    OrderPlaced,
    OrderPlacedV2,
    OrderConfirmed,
    OrderConfirmedV2,
    OrderPaymentRetried,
    OrderCancellationRequested,
    OrderCancelled,
    OrderExpired,
    OrderCompleted,
)


def placed(order: domain.Order) -> Event:
    """Make the event of a new order: v1, or v2 where the address has no postal code."""
    kind = OrderPlaced if _has_postal_code(order) else OrderPlacedV2
    payload = kind.model_validate(
        {
            **_about(order),
            "lines": [
                {"product_id": line.product_id, "quantity": line.quantity} for line in order.lines
            ],
            "payment": order.payment,
            "shipping_address": order.shipping_address,
            "placed_at": order.placed_at,
        }
    )
    return event(payload, key=order.id)


def of_effect(order: domain.Order, effect: domain.Effect) -> Event:
    """Make the event that publishes an effect of an order's transition."""
    about = _about(order)
    match effect:
        case domain.Confirmed():
            payload: EventPayload = _confirmed(order)
        case domain.PaymentRetried():
            payload = OrderPaymentRetried(
                **about,
                attempt=order.payment_attempt,
                payment=Payment.model_validate(order.payment),
            )
        case domain.CancellationRequested():
            payload = OrderCancellationRequested(**about)
        case domain.Cancelled(reason, refund, restock):
            payload = OrderCancelled(**about, reason=reason, refund=refund, restock=restock)
        case domain.Expired():
            payload = OrderExpired(**about)
        case domain.Completed():
            payload = OrderCompleted(**about, completed_at=now())
    return event(payload, key=order.id)


def _confirmed(order: domain.Order) -> OrderConfirmedV2:
    kind = OrderConfirmed if _has_postal_code(order) else OrderConfirmedV2
    return kind.model_validate(
        {
            **_about(order),
            "lines": [priced(line) for line in order.lines],
            "total": order.total,
            "shipping_address": order.shipping_address,
        }
    )


def priced(line: domain.Line) -> dict[str, Any]:
    """Return the fields of a PricedLine."""
    return {
        "product_id": line.product_id,
        "quantity": line.quantity,
        "sku": line.sku,
        "name": line.name,
        "unit_price": line.unit_price,
    }


def _about(order: domain.Order) -> dict[str, Any]:
    return {
        "order_id": order.id,
        "order_number": order.number,
        "customer_id": order.customer_id,
    }


def _has_postal_code(order: domain.Order) -> bool:
    return bool(order.shipping_address.get("postal_code"))
