"""What the order service can be told; the docs' table is made from it."""

from datetime import timedelta

from pydantic import Field, SecretStr

from shop_shared.payment_methods import OFFERED, OfferedMethod
from shop_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The order service's settings."""

    service_name: str = "order"
    database_url: SecretStr = Field(description="postgresql://…")
    pending_timeout_seconds: float = Field(
        120, gt=0, description="How long a new order waits for the stock's answer"
    )
    sweep_interval_seconds: float = Field(1, gt=0, description="How often deadlines are looked at")
    tracking_interval_seconds: float = Field(
        0.25, gt=0, description="How often followed orders are looked at, all in one query"
    )
    tracking_streams: int = Field(
        1000, ge=1, description="Live streams of orders at once; one more is answered 429"
    )
    tracking_seconds: float = Field(
        600, gt=0, description="How long a stream lasts before the client connects again"
    )

    payment_methods: tuple[OfferedMethod, ...] = Field(
        OFFERED,
        description="JSON list of {provider, method, currencies, needs_token}, as in payment",
    )
    return_days: float = Field(
        30, gt=0, description="How long after its delivery an order can be returned"
    )
    erase_after_days: float = Field(
        30,
        ge=0,
        description="How long settled orders keep the data of a deleted account",
    )

    @property
    def return_window(self) -> timedelta:
        """How long after its delivery an order can be returned."""
        return timedelta(days=self.return_days)

    @property
    def pending_timeout(self) -> timedelta:
        """How long a new order waits for the stock's answer."""
        return timedelta(seconds=self.pending_timeout_seconds)
