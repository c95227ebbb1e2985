"""What the service asks of a carrier, whichever it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from shop_shipping.domain import Scanned


class CarrierUnavailableError(Exception):
    """The carrier did not answer, or not sensibly: ask again later."""


class AddressRefusedError(Exception):
    """The carrier does not go there."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a carrier is told of a parcel."""

    reference: UUID
    """The shipment's id: a parcel booked twice by one reference is one parcel."""
    tracking_number: str
    address: Mapping[str, Any]
    booked_at: datetime | None
    attempt: int
    """How often in a row the carrier has been asked in vain."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """Every scan of a parcel so far, oldest first, and when to ask again."""

    scans: tuple[Scanned, ...]
    ask_again_at: datetime | None


class Carrier(Protocol):
    """A carrier. Each call may raise CarrierUnavailableError and may be repeated."""

    @property
    def name(self) -> str:
        """The name customers see."""

    async def book(self, parcel: Parcel) -> datetime:
        """Hand the parcel over and return when it was booked. Raises AddressRefusedError."""

    async def stop(self, parcel: Parcel) -> bool:
        """Take the parcel back; False when it has left. One it was never given, it has not."""

    async def track(self, parcel: Parcel) -> Tracked:
        """Return where a booked parcel has been."""
