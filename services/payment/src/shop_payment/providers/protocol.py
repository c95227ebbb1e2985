"""What every payment provider looks like to this service, and who is to blame for a failed call.

An adapter speaks its provider's own HTTP API and answers in the domain's events. It holds no
state of a payment, opens no transaction and retries nothing: the worker decides what an error
means, by its `Blame`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol
from uuid import UUID

import orjson

from shop_payment.domain import (
    ChargeDisputed,
    ChargeFailed,
    ChargePending,
    CustomerApproved,
    CustomerMustAct,
    MoneyCaptured,
    RefundAnswered,
    RefundStatus,
    Total,
)

ChargeAnswer = (
    ChargePending
    | CustomerMustAct
    | CustomerApproved
    | MoneyCaptured
    | ChargeFailed
    | ChargeDisputed
)


class Blame(StrEnum):
    """Who or what kept a provider call from its answer. Only DECLINED may fail a payment."""

    DECLINED = "declined"
    """The provider understood the request and said no (400, 402, 412, 422)."""
    NOT_AUTHORISED = "not_authorised"
    """Our credentials or our account (401, 403): nothing was decided about the payment."""
    UNREADABLE = "unreadable"
    """An answer that we do not understand: the money may have moved."""
    UNKNOWN = "unknown"
    """No answer (time-out, broken connection, 5xx): the money may have moved."""
    NOT_SENT = "not_sent"
    """The request had no effect for certain (not connected, 429)."""

    @property
    def money_may_have_moved(self) -> bool:
        """Return True if the provider must be asked before the call is repeated."""
        return self in {Blame.UNREADABLE, Blame.UNKNOWN}


class ProviderError(Exception):
    """A call did not end in an answer about the payment."""

    blame: ClassVar[Blame]


class DeclinedError(ProviderError):
    """The provider understood and said no. Nothing was taken by this request."""

    blame = Blame.DECLINED


class NotAuthorisedError(ProviderError):
    """The provider refuses our credentials."""

    blame = Blame.NOT_AUTHORISED


class UnreadableError(ProviderError):
    """The answer is not one that the provider documents, or is about something else."""

    blame = Blame.UNREADABLE


class OtherPaymentError(UnreadableError):
    """The answer is about a payment that is not the one asked for."""


class OutcomeUnknownError(ProviderError):
    """The request may have had its effect: fetch, then see."""

    blame = Blame.UNKNOWN


class NotSentError(ProviderError):
    """The request had no effect: it can be made again later."""

    blame = Blame.NOT_SENT


class ForgedWebhookError(Exception):
    """The webhook does not carry the proof that it comes from its provider."""


class UnreadableWebhookError(Exception):
    """The webhook is proven, but is no message in its provider's format."""


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Raise UnreadableError for an answer of another shape than the code inside expects.

    Also a decorator of functions that read an answer.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise UnreadableError(f"{what}: {error!r}") from error


def webhook_json(body: bytes) -> dict[str, Any]:
    """Return a webhook's JSON object. Raises UnreadableWebhookError for any other body.

    Read strictly: whatever anybody sends, deep nesting and lone surrogates too, is read or refused.
    """
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UnreadableWebhookError(f"no JSON: {error}") from error
    if not isinstance(event, dict):
        raise UnreadableWebhookError("no JSON object")
    return event


def require_own(charge: Charge, answered: object) -> None:
    """Raise OtherPaymentError unless an answer names our payment.

    `answered` is what the provider keeps as our id of the charge.
    """
    if str(answered) != str(charge.payment_id):
        raise OtherPaymentError(f"the answer is about {answered!r}, not {charge.payment_id}")


def as_uuid(value: object) -> UUID | None:
    """Return the UUID that a text is, or None: ids of others have other shapes."""
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def as_reference(value: object) -> str | None:
    """Return a provider's id of a charge or refund, or None for what cannot be one.

    It becomes a part of an address that is asked with our credentials: a webhook that proves its
    caller but not its body (Xendit's) must not choose another one.
    """
    is_one = isinstance(value, str) and _REFERENCE.fullmatch(value)
    return value if is_one else None  # type: ignore[return-value]  # told by is_one


_REFERENCE = re.compile(r"[A-Za-z0-9_:-]{1,200}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Charge:
    """What to take: `payment_id` is the idempotency key and the provider's own order number."""

    payment_id: UUID
    order_id: UUID
    total: Total
    method: str
    token: str | None
    expires_at: datetime
    order_number: str | None = None
    """What the payer reads; None of an order from before there were numbers."""


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
class RefundReport:
    """A refund as the provider lists it; `refund_id` is ours where this service asked for it."""

    reference: str
    total: Total
    status: RefundStatus
    refund_id: UUID | None = None


class Concern(StrEnum):
    """What a webhook is about."""

    CHARGE = "charge"
    REFUND = "refund"
    DISPUTE = "dispute"
    """The payer's bank takes the money back, or may: dispute, chargeback, reversal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookNotice:
    """A verified webhook: what changed, and what the provider claims about it, where it says so.

    `payment_id` and `reference` name the charge, `refund_id` and `refund_reference` the refund.
    All are None where the webhook does not say, or says something that cannot be ours.
    """

    event_id: str
    kind: str
    concern: Concern = Concern.CHARGE
    payment_id: UUID | None = None
    reference: str | None = None
    captured: Total | None = None
    refund_id: UUID | None = None
    refund_reference: str | None = None
    is_failure: bool = False
    """It says that the charge or refund came to nothing, perhaps after it had succeeded."""
    is_echo: bool = False
    """It repeats our own request: whatever came of that, its answer or a later webhook tells."""

    def __post_init__(self) -> None:
        """Raise ValueError for what is no id or kind that could be stored."""
        for text in (self.event_id, self.kind):
            if not isinstance(text, str) or "\0" in text:
                raise ValueError(f"{text!r} is no id or kind")


class PaymentProvider(Protocol):
    """One provider's HTTP API. Every call raises a ProviderError for want of an answer."""

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
        """Ask what became of a charge, by reference or by payment id.

        None when the provider shows none. A search by payment id may lag behind the charge, so
        None without a reference proves nothing.
        """
        ...

    async def refund(self, order: RefundOrder) -> RefundAnswered:
        """Return money, or ask after a refund that has a reference already."""
        ...

    async def fetch_refunds(self, charge: Charge, reference: str) -> tuple[RefundReport, ...]:
        """List the refunds of a charge, whoever made them."""
        ...

    async def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookNotice:
        """Verify the raw body and read it.

        Raises ForgedWebhookError, UnreadableWebhookError, and NotSentError where the proof cannot
        be checked now.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
