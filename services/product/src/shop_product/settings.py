"""The product service's settings; the table in the docs is made from them."""

from datetime import timedelta

from pydantic import Field, SecretStr

from shop_shared.money import Currency
from shop_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The product service's settings."""

    service_name: str = "product"
    database_url: SecretStr = Field(
        description="mongodb://…, a replica set's", examples=["mongodb://sample:1/sample"]
    )
    currency: Currency = Field(
        "USD", description="Price bounds and sorts that name no currency are in this one"
    )
    indexed_currencies: list[Currency] = Field(
        ["USD", "EUR", "GBP", "IDR", "JPY"],
        max_length=20,
        description="Lists by price in these currencies have an index; others are sorted in memory",
    )
    reservation_minutes: int = Field(
        15, ge=1, description="How long an order may hold stock before it is paid"
    )
    sweep_interval_seconds: float = Field(
        60, gt=0, description="How often reservations long overdue are looked for"
    )
    sweep_grace_minutes: int = Field(
        60, ge=0, description="How long past its end a reservation waits for the order's word"
    )
    list_cache_seconds: float = Field(
        1, ge=0, description="How long an answered list is repeated without asking the database"
    )

    keep_reservations_days: float = Field(
        400,
        ge=30,
        description="How long an order's reservation is kept after it ended; goods that come back"
        " later are booked by an adjustment",
    )
    keep_ledger_days: float = Field(
        730,
        ge=30,
        description="How long each line of a stock's ledger is kept; older ones are added up",
    )

    @property
    def reservations_kept(self) -> timedelta:
        """How long a reservation is kept after it ended."""
        return timedelta(days=self.keep_reservations_days)

    @property
    def ledger_kept(self) -> timedelta:
        """How long each line of a stock's ledger is kept."""
        return timedelta(days=self.keep_ledger_days)

    @property
    def reservation_time(self) -> timedelta:
        """How long an order may hold stock before it is paid."""
        return timedelta(minutes=self.reservation_minutes)

    @property
    def sweep_grace(self) -> timedelta:
        """How long past its end a reservation waits for the order's word."""
        return timedelta(minutes=self.sweep_grace_minutes)
