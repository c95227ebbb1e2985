"""What the shipping service can be told; the docs' table is made from it."""

from pydantic import Field, SecretStr

from shop_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The shipping service's settings."""

    service_name: str = "shipping"
    database_url: SecretStr = Field(description="postgresql://…")
    carrier_secret: SecretStr | None = Field(
        None, description="Key of the carriers' signatures; none: only staff report scans"
    )
    carrier_dispatch_seconds: float = Field(
        5, ge=0, description="Simulated carrier: from booking to dispatch; 0 is at once"
    )
    carrier_transit_seconds: float = Field(
        5, ge=0, description="Simulated carrier: from dispatch to the depot"
    )
    carrier_delivery_seconds: float = Field(
        10, ge=0, description="Simulated carrier: from the depot to the customer"
    )
    carrier_timeout_seconds: float = Field(
        10, gt=0, description="How long a carrier may take to answer"
    )
    worker_interval_seconds: float = Field(
        1, gt=0, description="How often the worker looks for work nobody woke it for"
    )
    tracking_cache_seconds: int = Field(
        5, ge=1, description="How long a public tracking answer may be old"
    )
    erase_after_days: float = Field(
        30,
        ge=0,
        description="How long settled shipments keep the data of a deleted account",
    )
