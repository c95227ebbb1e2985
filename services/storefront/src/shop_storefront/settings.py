"""What the storefront can be told."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import Field, SecretStr

from shop_shared.money import Currency
from shop_shared.settings import ServiceSettings

PROVIDER_ORIGINS = (
    "https://checkout.stripe.com",
    "https://hooks.stripe.com",
    "https://www.paypal.com",
    "https://checkout.xendit.co",
    "https://app.midtrans.com",
    "https://api.midtrans.com",
)


class Settings(ServiceSettings):
    """The storefront's own settings beside those of every service."""

    service_name: str = Field("storefront", description="Name in logs, metrics, traces and groups")
    redis_url: SecretStr = Field(description="redis://…, where sessions and baskets are kept")
    api_url: str = Field("http://gateway:8000", description="The shop's public API")
    api_timeout_seconds: float = Field(
        15, gt=0, le=300, description="How long an answer of the API is waited for"
    )
    currencies: tuple[Currency, ...] = Field(
        ("USD", "IDR"), min_length=1, description="Which prices are shown in; the first unless told"
    )
    payment_origins: tuple[str, ...] = Field(
        PROVIDER_ORIGINS, description="Where customers may be sent to pay: scheme://host"
    )
    card_tokens: dict[str, dict[str, str]] = Field(
        {},
        description="JSON: provider → token → label; test cards. None: no cards are offered",
    )
    trace_url: Annotated[str, Field(pattern=r"^https?://[^{}]+\{trace_id\}[^{}]*$")] | None = Field(
        None,
        description="A trace's page for staff, with {trace_id} in it; "
        "linked where OTEL_EXPORTER_OTLP_ENDPOINT is set, for else there are no traces",
    )
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="Networks whose X-Forwarded-* headers are believed (an ingress, say)"
    )
