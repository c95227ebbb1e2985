"""A payment, its refunds, and the words for where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Status(StrEnum):
    """Where a payment stands."""

    WAITING = "waiting"
    PENDING = "pending"
    ACTION_REQUIRED = "action_required"
    CAPTURED = "captured"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUNDING = "refunding"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"


class RefundStatus(StrEnum):
    """Where a refund stands."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


OPEN = frozenset({Status.PENDING, Status.ACTION_REQUIRED})
CLOSED_UNPAID = frozenset({Status.FAILED, Status.CANCELLED})
PAID = frozenset({Status.CAPTURED, Status.REFUNDING, Status.PARTIALLY_REFUNDED, Status.REFUNDED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Total:
    """An amount in minor units of its currency."""

    amount: int
    currency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """How the customer chose to pay, from order.placed."""

    provider: str
    name: str
    currency: str
    token: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refund:
    """A refund of a part or all of a captured payment."""

    id: UUID
    amount: int
    reason: str
    status: RefundStatus = RefundStatus.PENDING
    reference: str | None = None
    automatic: bool = False
    elsewhere: bool = False
    """Whether the money went back without the provider."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DuplicateCharge:
    """A second charge that a provider captured for a payment already captured; it is refunded.

    It is no part of the payment's books: neither what was captured nor what was refunded.
    """

    id: UUID
    reference: str
    total: Total
    status: RefundStatus = RefundStatus.PENDING
    refund_reference: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    """One attempt to pay for an order; only the newest may bring its money."""

    id: UUID
    order_id: UUID
    order_number: str | None = None
    """The order's number for people; None of an order from before there were numbers."""
    customer_id: UUID | None = None
    status: Status = Status.WAITING
    method: Method | None = None
    total: Total | None = None
    pay_until: datetime | None = None
    reference: str | None = None
    captured: int = 0
    abandoned: bool = False
    refunds: tuple[Refund, ...] = ()
    duplicates: tuple[DuplicateCharge, ...] = ()
    attempt: int = 1
    """Which of the order's payments this is: each way to pay that is tried is one."""
    superseded: bool = False
    """Whether another attempt has taken its place: money that still comes goes back."""
    wrong_charges: tuple[str, ...] = ()
    """The references of the charges by which another amount was paid."""

    @property
    def can_be_superseded(self) -> bool:
        """Whether another attempt may take its place: it failed, and the order still wants one."""
        return self.status is Status.FAILED and not self.abandoned and not self.superseded

    @property
    def is_paid(self) -> bool:
        """Whether the order's price is paid: captured, or nothing to pay at all."""
        return self.status in PAID

    @property
    def refunded(self) -> int:
        """What has gone back, in minor units."""
        return sum(r.amount for r in self.refunds if r.status is RefundStatus.SUCCEEDED)

    @property
    def refundable(self) -> int:
        """What is neither back nor on its way back, in minor units."""
        return self.captured - sum(
            r.amount for r in self.refunds if r.status is not RefundStatus.FAILED
        )

    @property
    def pending_refunds(self) -> tuple[UUID, ...]:
        """The ids of the refunds, also of duplicate charges, without a final answer."""
        asked = [(refund.id, refund.status) for refund in self.refunds]
        asked += [(duplicate.id, duplicate.status) for duplicate in self.duplicates]
        return tuple(id_ for id_, status in asked if status is RefundStatus.PENDING)

    def refund(self, refund_id: UUID) -> Refund | None:
        """Find the refund of that id, or None."""
        return next((r for r in self.refunds if r.id == refund_id), None)

    def duplicate(self, refund_id: UUID) -> DuplicateCharge | None:
        """Find the duplicate charge whose refund has that id, or None."""
        return next((d for d in self.duplicates if d.id == refund_id), None)
