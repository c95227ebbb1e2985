"""The effects of an order's transitions.

Each is published at most once in an order's life, PaymentRetried once an attempt.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Paid: commit the stock and ship."""


@dataclass(frozen=True, slots=True)
class CancellationRequested:
    """Stop the parcel if it is still here, and say so."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Ended: `refund` when money was captured, `restock` when goods come back to the shelf."""

    reason: str
    refund: bool
    restock: bool


@dataclass(frozen=True, slots=True)
class Expired:
    """Ended unpaid: release the stock."""


@dataclass(frozen=True, slots=True)
class Completed:
    """Delivered: ended well."""


@dataclass(frozen=True, slots=True)
class PaymentRetried:
    """Charge another way to pay."""


Effect = Confirmed | PaymentRetried | CancellationRequested | Cancelled | Expired | Completed
