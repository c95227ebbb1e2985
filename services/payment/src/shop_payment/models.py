"""The data of payments as it is sent and received."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from shop_payment.domain import RefundStatus, Status
from shop_shared.models import OneLine, ResponseModel, StrictModel
from shop_shared.money import Currency, Money

Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), OneLine
]


class CreateRefund(StrictModel):
    """Money to be returned; without an amount, all that is left."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"amount": {"amount": 500, "currency": "USD"}, "reason": "damaged"}]
        }
    )

    amount: Money | None = None
    reason: Reason = "requested_by_customer"
    elsewhere: bool = Field(
        default=False,
        strict=True,
        description="The money went back already and not by the provider, say by bank transfer: "
        "it is booked, and the provider is not asked",
    )


class Refund(ResponseModel):
    """A refund."""

    id: UUID
    payment_id: UUID
    amount: Money
    reason: str
    status: RefundStatus
    elsewhere: bool = Field(description="The money went back without the provider")


class ListedRefund(Refund):
    """A refund and what it is of."""

    order_id: UUID
    order_number: str | None = Field(description="The order's number for people")
    automatic: bool = Field(description="Owed to a closed order, rather than asked for")
    created_at: datetime


class SecondCharge(ResponseModel):
    """Money that the provider took beside a payment; it goes back, and is in none of its sums."""

    reference: str = Field(description="The provider's id of the charge")
    amount: Money
    status: RefundStatus = Field(description="Of its refund")


class Failure(ResponseModel):
    """Why there is no money."""

    reason: str
    message: str


class Payment(ResponseModel):
    """One attempt to pay for an order; the newest is first in a list."""

    id: UUID
    order_id: UUID
    order_number: str | None = Field(description="The order's number for people")
    attempt: int = Field(description="1 for the first way to pay that was tried")
    superseded: bool = Field(description="Another attempt has taken its place")
    status: Status
    provider: str | None
    method: str | None
    amount: Money | None = Field(description="Null until the stock is reserved")
    captured: Money | None
    refunded: Money | None
    refunds: tuple[Refund, ...]
    second_charges: tuple[SecondCharge, ...]
    disputed_at: datetime | None = Field(
        description="When the provider last told of a dispute, a chargeback or a reversal"
    )
    settled_at: datetime | None = Field(
        description="When staff said that money of another amount is sorted out"
    )
    action: dict[str, Any] | None = Field(description="What the customer has to do, while open")
    pay_until: datetime | None
    failure: Failure | None
    created_at: datetime
    updated_at: datetime


class PaymentMethod(ResponseModel):
    """A way to pay."""

    provider: str
    method: str
    currencies: tuple[Currency, ...]


class PaymentMethods(ResponseModel):
    """The ways to pay."""

    items: tuple[PaymentMethod, ...]


class WebhookReceipt(ResponseModel):
    """The webhook is stored; it need not be sent again."""

    received: bool = True
