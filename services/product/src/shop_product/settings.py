"""What the product service can be told; the docs' table is made from it."""

from datetime import timedelta

from pydantic import Field, SecretStr

from shop_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The product service's settings."""

    service_name: str = "product"
    database_url: SecretStr = Field(
        description="mongodb://…, a replica set's", examples=["mongodb://sample:1/sample"]
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

    @property
    def reservation_time(self) -> timedelta:
        """How long an order may hold stock before it is paid."""
        return timedelta(minutes=self.reservation_minutes)

    @property
    def sweep_grace(self) -> timedelta:
        """How long past its end a reservation waits for the order's word."""
        return timedelta(minutes=self.sweep_grace_minutes)
