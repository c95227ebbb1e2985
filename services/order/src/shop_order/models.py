"""The data of orders as it is sent and received."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, field_validator

from shop_order import order_number
from shop_order.domain import Order as DomainOrder
from shop_order.domain import Status
from shop_shared import addresses
from shop_shared.addresses import Address, AddressView
from shop_shared.models import ResponseModel, StrictModel
from shop_shared.money import Currency, Money
from shop_shared.payment_methods import ProviderName

MAX_LINES = 100
MAX_QUANTITY = 1000
"""Units of all lines together; at the highest price (10^12) their total is still money."""


MethodName = Annotated[str, Field(pattern="^[a-z_]{1,40}$", examples=["card"])]
PaymentToken = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class Item(StrictModel):
    """Goods asked for: the price is the catalogue's, so it is not asked."""

    product_id: UUID
    quantity: int = Field(strict=True, ge=1, le=MAX_QUANTITY)


class PaymentChoice(StrictModel):
    """How the customer pays: one of the ways that are offered (GET /v1/payments/methods)."""

    provider: ProviderName
    method: MethodName
    currency: Currency = "USD"
    token: PaymentToken | None = Field(
        None, examples=["pm_card_visa"], description="The provider's token of a stored method"
    )


class RetryPayment(StrictModel):
    """Another way to pay, in the order's own currency."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"provider": "stripe", "method": "card", "token": "pm_card_visa"}]
        }
    )

    provider: ProviderName
    method: MethodName
    token: PaymentToken | None = Field(None, description="The provider's token of a stored method")


class PlaceOrder(StrictModel):
    """An order to be placed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {"product_id": "01989f6a-0000-7000-8000-000000000001", "quantity": 2}
                    ],
                    "shipping_address": addresses.EXAMPLE,
                    "payment": {"provider": "stripe", "method": "card", "token": "pm_card_visa"},
                }
            ]
        }
    )

    items: tuple[Item, ...] = Field(min_length=1, max_length=MAX_LINES)
    shipping_address: Address
    payment: PaymentChoice

    @field_validator("items")
    @classmethod
    def _each_product_once_and_not_too_many(cls, items: tuple[Item, ...]) -> tuple[Item, ...]:
        if len({item.product_id for item in items}) < len(items):
            raise ValueError("each product may be listed once")
        if sum(item.quantity for item in items) > MAX_QUANTITY:
            raise ValueError(f"at most {MAX_QUANTITY} units together")
        return items


class ChangeOrder(StrictModel):
    """What may be changed of an order before it is paid."""

    shipping_address: Address


class Line(ResponseModel):
    """Goods of an order; sku, name and price are known once the stock is reserved."""

    product_id: UUID
    quantity: int
    sku: str | None = None
    name: str | None = None
    unit_price: Money | None = None


class PaymentFailure(ResponseModel):
    """Why the last way to pay failed."""

    reason: str = Field(examples=["declined"])
    message: str


class Order(ResponseModel):
    """An order as its customer sees it."""

    id: UUID
    number: str = Field(
        pattern=order_number.PATTERN,
        examples=[order_number.EXAMPLE],
        description="The order's number for people; `id` is for programs",
    )
    customer_id: UUID
    status: Status
    lines: tuple[Line, ...]
    total: Money | None = Field(description="Null until the stock is reserved")
    refunded: Money | None = Field(description="What has been given back so far")
    payment: PaymentChoice
    payment_failure: PaymentFailure | None = Field(
        description="While it waits for another way to pay (POST /v1/orders/{order_id}/payments)"
    )
    shipping_address: AddressView
    cancel_reason: str | None
    tracking_number: str | None
    placed_at: datetime
    pay_by: datetime | None = Field(description="Until when the stock is held")
    version: int


class HistoryEntry(ResponseModel):
    """One change of an order and what caused it."""

    seq: int = Field(description="The order's version after it")
    previous: Status | None
    status: Status
    cause: str = Field(
        description="Type of the event, or what was asked",
        examples=["minishop.payment.captured.v1"],
    )
    event_id: str | None = Field(description="CloudEvents id of the event that caused it")
    reason: str | None
    at: datetime
    trace_id: str | None = Field(
        description="The trace it was made in (W3C Trace Context), for who looks at traces"
    )


class History(ResponseModel):
    """All changes of an order, oldest first."""

    items: tuple[HistoryEntry, ...]


def order_view(order: DomainOrder) -> Order:
    """Return what its customer sees of an order."""
    return Order(
        id=order.id,
        number=order.number,
        customer_id=order.customer_id,
        status=order.status,
        lines=tuple(
            Line(
                product_id=line.product_id,
                quantity=line.quantity,
                sku=line.sku,
                name=line.name,
                unit_price=line.unit_price,
            )
            for line in order.lines
        ),
        total=order.total,
        refunded=_refunded(order),
        payment=PaymentChoice.model_validate(order.payment),
        # It can be quicker than the stock's own word, before which there is nothing to pay.
        payment_failure=None
        if order.payment_failure is None or order.status is Status.PENDING
        else PaymentFailure.model_validate(order.payment_failure),
        shipping_address=AddressView.model_validate(order.shipping_address),
        cancel_reason=order.cancel_reason,
        tracking_number=order.tracking_number,
        placed_at=order.placed_at,
        pay_by=order.deadline if order.status is Status.RESERVED else None,
        version=order.version,
    )


def _refunded(order: DomainOrder) -> Money | None:
    if not order.refunded_amount:
        return None
    paid = order.captured or order.total
    assert paid is not None  # noqa: S101 - what was refunded was captured before
    return Money(order.refunded_amount, paid.currency)
