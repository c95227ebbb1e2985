"""Messages that a payment handles: events of order, stock and provider, and staff commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shop_payment.domain.payment import Method, RefundStatus, Total


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderPlaced:
    """The customer chose a method."""

    customer_id: UUID
    method: Method
    order_number: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StockReserved:
    """The order's price is known and its goods are held until then."""

    customer_id: UUID
    total: Total
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderAbandoned:
    """The order was cancelled or expired: nothing may be taken any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Superseded:
    """The customer pays another way, by another attempt."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChargePending:
    """The provider has the charge and is still at it."""

    reference: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomerMustAct:
    """The provider waits for the customer; `action` is {type, url?, client_secret?, details?}."""

    reference: str
    action: Mapping[str, Any]
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomerApproved:
    """The customer agreed; the money is ours to capture."""

    reference: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MoneyCaptured:
    """The provider took this much."""

    reference: str
    total: Total


@dataclass(frozen=True, kw_only=True, slots=True)
class ChargeFailed:
    """No money came, and none will from this charge."""

    reason: str
    message: str
    reference: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestRefund:
    """Somebody with the right to do so wants money returned, or returned it `elsewhere`."""

    refund_id: UUID
    amount: int
    reason: str
    elsewhere: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnReceived:
    """Goods came back: return this much, or what is left of the money if that is less."""

    return_id: UUID
    amount: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RefundAnswered:
    """The provider's word on a refund."""

    refund_id: UUID
    status: RefundStatus
    reference: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RefundReported:
    """The provider has a refund that was not asked for here: made on its dashboard."""

    reference: str
    total: Total
    status: RefundStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class ChargeDisputed:
    """The money was taken back, by the payer's bank or at the provider: a person has to look."""

    reference: str
    detail: str


DomainEvent = (
    OrderPlaced
    | StockReserved
    | OrderAbandoned
    | Superseded
    | ChargePending
    | CustomerApproved
    | CustomerMustAct
    | MoneyCaptured
    | ChargeFailed
    | ReturnReceived
    | RefundAnswered
    | RefundReported
    | ChargeDisputed
)
Command = RequestRefund
Message = DomainEvent | Command
