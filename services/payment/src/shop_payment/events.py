"""What the payment service says has happened."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shop_shared.messaging.events import EventPayload
from shop_shared.money import Money


class PaymentEvent(EventPayload):
    """What every event of a payment carries. The key is the order's id."""

    aggregate: ClassVar[str] = "payment"

    payment_id: UUID
    order_id: UUID
    order_number: Annotated[
        str | None,
        Field(description="For people; null of an order from before there were numbers"),
    ] = None
    customer_id: UUID


class Action(BaseModel):
    """What the customer has to do: follow a url, confirm by a client secret, or read details."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["redirect", "client_secret", "instructions"]
    url: str | None = None
    client_secret: str | None = None
    details: dict[str, object] | None = None


class PaymentActionRequired(PaymentEvent):
    """The provider waits for the customer."""

    type: ClassVar[str] = "minishop.payment.action_required.v1"

    provider: str
    action: Action
    expires_at: datetime


class PaymentCaptured(PaymentEvent):
    """The money is ours. Said once for an order."""

    type: ClassVar[str] = "minishop.payment.captured.v1"

    provider: str
    amount: Money
    captured_at: datetime


class PaymentFailed(PaymentEvent):
    """No money will come by this attempt; perhaps by another."""

    type: ClassVar[str] = "minishop.payment.failed.v1"

    reason: Literal["declined", "expired", "provider_error", "amount_mismatch"]
    message: Annotated[str, Field(max_length=500)]
    attempt: Annotated[int, Field(ge=1, description="Which attempt to pay for the order")]
    retry_until: Annotated[
        datetime | None,
        Field(description="How long another way to pay may be tried; null if none may"),
    ]


class PaymentRefunded(PaymentEvent):
    """Money went back; `full` when all of it has."""

    type: ClassVar[str] = "minishop.payment.refunded.v1"

    refund_id: Annotated[UUID, Field(description="Of returned goods: the return's id")]
    amount: Money
    total_refunded: Money
    full: bool


class RefundFailed(PaymentEvent):
    """Money that was to go back did not, or came back later: a person has to see to it."""

    type: ClassVar[str] = "minishop.payment.refund_failed.v1"

    refund_id: UUID
    amount: Money
    total_refunded: Annotated[Money, Field(description="What has gone back, without this refund")]


class SecondChargeReturned(PaymentEvent):
    """Money taken beside the order's payment went back; it is no part of the order's books."""

    type: ClassVar[str] = "minishop.payment.second_charge_returned.v1"

    amount: Money


PUBLISHED = (
    PaymentActionRequired,
    PaymentCaptured,
    PaymentFailed,
    PaymentRefunded,
    RefundFailed,
    SecondChargeReturned,
)
