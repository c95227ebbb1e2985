"""What follows from a message: calls to make, events to announce, alerts to raise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from shop_payment.domain.payment import Payment

WRONG_AMOUNT = "the captured amount is not ours"
"""What the customer reads of money of another amount."""


class Call(StrEnum):
    """A call to the provider, made by the worker outside any transaction."""

    CHARGE = "charge"
    CAPTURE = "capture"
    FETCH = "fetch"
    CANCEL = "cancel"
    REFUND = "refund"
    FETCH_REFUNDS = "fetch_refunds"


@dataclass(frozen=True, kw_only=True, slots=True)
class CallProvider:
    """Make this call; `refund_id` names the refund, or the duplicate charge, of a REFUND."""

    call: Call
    refund_id: UUID | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnounceActionRequired:
    """Publish payment.action_required."""

    action: Mapping[str, Any]
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnounceCaptured:
    """Publish payment.captured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnounceFailed:
    """Publish payment.failed."""

    reason: str
    message: str
    may_retry: bool
    """Whether the customer may try another way, while the stock is held."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnounceRefunded:
    """Publish payment.refunded."""

    refund_id: UUID
    amount: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnounceRefundFailed:
    """Publish payment.refund_failed."""

    refund_id: UUID
    amount: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnounceSecondChargeReturned:
    """Publish payment.second_charge_returned: money that is no part of the order's books."""

    amount: int
    currency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """A person should look at this payment."""

    kind: str
    detail: str


Effect = (
    CallProvider
    | AnnounceActionRequired
    | AnnounceCaptured
    | AnnounceFailed
    | AnnounceRefunded
    | AnnounceRefundFailed
    | AnnounceSecondChargeReturned
    | Alert
)


@dataclass(frozen=True, slots=True)
class Transition:
    """The payment after a message, and the effects to carry out in the same transaction."""

    state: Payment
    effects: tuple[Effect, ...] = ()
