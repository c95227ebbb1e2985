"""A carrier for development: parcels move by the clock.

It keeps no state: where a parcel is follows from when it was booked, the delays of the settings and
the address. So it survives restarts, and any replica gives the same answer. Line 2 of the address
asks for a fault (see docs/services/shipping.md): `carrier:lost`, `carrier:refused`,
`carrier:undeliverable`, `carrier:hold` (never leaves), `carrier:flaky` (the first two calls fail),
`carrier:chaotic` (scans come twice and backwards).
"""

from datetime import datetime, timedelta

from shop_shared.clock import Clock, now
from shop_shipping.carriers import AddressRefusedError, CarrierUnavailableError, Parcel, Tracked
from shop_shipping.domain import Failure, Scanned, Status
from shop_shipping.settings import Settings

FLAKY_CALLS = 2
_ENDS = {"lost": Failure.LOST, "refused": Failure.REFUSED}


class SimulatedCarrier:
    """See the module."""

    name = "simulated"

    def __init__(self, settings: Settings, clock: Clock = now) -> None:
        """Take the delays from the settings."""
        self._clock = clock
        self._delays = tuple(
            timedelta(seconds=seconds)
            for seconds in (
                settings.carrier_dispatch_seconds,
                settings.carrier_transit_seconds,
                settings.carrier_delivery_seconds,
            )
        )

    async def book(self, parcel: Parcel) -> datetime:
        """See Carrier."""
        if _fault(parcel) == "flaky" and parcel.attempt < FLAKY_CALLS:
            raise CarrierUnavailableError("503 Service Unavailable (carrier:flaky)")
        if _fault(parcel) == "undeliverable":
            raise AddressRefusedError("no such address (carrier:undeliverable)")
        return parcel.booked_at or self._clock()

    async def stop(self, parcel: Parcel) -> bool:
        """See Carrier."""
        return not self._scans(parcel)

    async def track(self, parcel: Parcel) -> Tracked:
        """See Carrier."""
        scans = self._scans(parcel)
        return Tracked(
            scans=(*scans[::-1], *scans) if _fault(parcel) == "chaotic" else scans,
            ask_again_at=next((at for at in self._times(parcel) if at > self._clock()), None),
        )

    def _times(self, parcel: Parcel) -> tuple[datetime, ...]:
        if parcel.booked_at is None or _fault(parcel) == "hold":
            return ()
        dispatched = parcel.booked_at + self._delays[0]
        in_transit = dispatched + self._delays[1]
        return dispatched, in_transit, in_transit + self._delays[2]

    def _scans(self, parcel: Parcel) -> tuple[Scanned, ...]:
        failure = _ENDS.get(_fault(parcel))
        city = str(parcel.address.get("city", ""))
        stages = (
            (Status.DISPATCHED, "Minishop", None),
            (Status.IN_TRANSIT, f"Depot {city}", None),
            (Status.FAILED if failure else Status.DELIVERED, city, failure),
        )
        return tuple(
            Scanned(status, at, location, why)
            for at, (status, location, why) in zip(self._times(parcel), stages, strict=False)
            if at <= self._clock()
        )


def _fault(parcel: Parcel) -> str:
    scheme, _, fault = str(parcel.address.get("line2") or "").partition(":")
    return fault if scheme == "carrier" else ""
