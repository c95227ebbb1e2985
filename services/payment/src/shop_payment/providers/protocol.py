"""What every payment provider looks like to this service.

An adapter speaks its provider's own HTTP API and answers in the domain's events. It holds no
state of a payment, opens no transaction and retries nothing: the worker decides what an error
means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shop_payment.domain import (
    ChargeFailed,
    ChargePending,
    CustomerApproved,
    CustomerMustAct,
    MoneyCaptured,
    RefundAnswered,
    Total,
)

ChargeAnswer = ChargePending | CustomerMustAct | CustomerApproved | MoneyCaptured | ChargeFailed


class ProviderError(Exception):
    """A call did not end in an answer about the payment."""


class OutcomeUnknownError(ProviderError):
    """The request may have had its effect (time-out, broken connection, 5xx): fetch, then see."""


class UnavailableError(ProviderError):
    """The request surely had no effect (not connected, 429): it can be made again later."""


class RefusedError(ProviderError):
    """The provider understood and said no for good (4xx): our request or our account is wrong."""


class ForgedWebhookError(Exception):
    """The webhook does not carry the proof that it comes from its provider."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Charge:
    """What to take: `payment_id` is the idempotency key and the provider's own order number."""

    payment_id: UUID
    order_id: UUID
    total: Total
    method: str
    token: str | None
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class RefundOrder:
    """What to return; `reference` is the provider's id of the refund once it has one."""

    payment_id: UUID
    charge_reference: str
    refund_id: UUID
    total: Total
    reason: str
    reference: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookNotice:
    """A verified webhook: what changed, and what the provider claims about it, where it says so."""

    event_id: str
    kind: str
    payment_id: UUID | None = None
    reference: str | None = None
    captured: Total | None = None


class PaymentProvider(Protocol):
    """One provider's HTTP API.

    Every call raises OutcomeUnknownError, UnavailableError or RefusedError for want of an answer.
    """

    name: str

    async def create(self, charge: Charge) -> ChargeAnswer:
        """Start a charge; with the same payment id again, the provider starts no second one."""
        ...

    async def capture(self, charge: Charge, reference: str) -> ChargeAnswer:
        """Take the money of an approved charge."""
        ...

    async def cancel(self, charge: Charge, reference: str) -> ChargeAnswer:
        """Make sure that nothing can be taken any more; MoneyCaptured when it is too late."""
        ...

    async def fetch(self, charge: Charge, reference: str | None) -> ChargeAnswer | None:
        """Ask what became of a charge, by reference or by payment id; None when there is none."""
        ...

    async def refund(self, order: RefundOrder) -> RefundAnswered:
        """Return money, or ask after a refund that has a reference already."""
        ...

    async def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookNotice:
        """Verify the raw body; raises ForgedWebhookError."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
