"""What the payment service can be told."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from shop_shared.money import Currency
from shop_shared.settings import ServiceSettings

ProviderName = Literal["stripe", "paypal", "xendit", "midtrans"]


class OfferedMethod(BaseModel):
    """A way to pay: which provider serves it, in which currencies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: ProviderName
    method: Annotated[str, Field(pattern="^[a-z_]{1,40}$")]
    currencies: tuple[Currency, ...]


_WORLD = ("USD", "EUR", "GBP", "JPY", "AUD", "CAD", "CHF", "SGD")
_OFFERED = (
    OfferedMethod(provider="stripe", method="card", currencies=(*_WORLD, "IDR")),
    OfferedMethod(provider="paypal", method="paypal", currencies=_WORLD),
    OfferedMethod(provider="xendit", method="invoice", currencies=("IDR", "PHP")),
    OfferedMethod(provider="xendit", method="virtual_account", currencies=("IDR",)),
    OfferedMethod(provider="xendit", method="ewallet", currencies=("IDR", "PHP")),
    OfferedMethod(provider="midtrans", method="card", currencies=("IDR",)),
    OfferedMethod(provider="midtrans", method="gopay", currencies=("IDR",)),
    OfferedMethod(provider="midtrans", method="qris", currencies=("IDR",)),
    OfferedMethod(provider="midtrans", method="bank_transfer", currencies=("IDR",)),
)


class Settings(ServiceSettings):
    """Settings of the payment service. A provider without its keys is not offered."""

    service_name: str = Field("payment", description="Name in logs, metrics, traces and groups")
    database_url: SecretStr = Field(description="postgresql://…; read again when it changes")

    payment_methods: tuple[OfferedMethod, ...] = Field(
        _OFFERED, description="JSON list of {provider, method, currencies}"
    )
    payment_return_url: str = Field(
        "https://shop.localhost/orders", description="Where a provider sends the customer back to"
    )
    provider_timeout_seconds: float = Field(10, gt=0, le=80, description="Per provider call")
    provider_concurrency: int = Field(16, ge=1, le=200, description="Calls at once, per provider")
    breaker_failures: int = Field(5, ge=1, description="Failures in a row that open a breaker")
    breaker_open_seconds: float = Field(5, gt=0, description="Rest of an open breaker")
    reconcile_seconds: float = Field(30, gt=0, description="Pause between reconciliations")
    reconcile_after_seconds: float = Field(
        120, gt=0, description="Silence after which a provider is asked"
    )

    stripe_base_url: str = Field("", description="Empty: Stripe itself")
    stripe_api_key: SecretStr | None = Field(None, description="sk_…")
    stripe_webhook_secret: SecretStr | None = Field(None, description="whsec_…")

    paypal_base_url: str = Field("https://api-m.paypal.com", description="PayPal's REST API")
    paypal_client_id: SecretStr | None = None
    paypal_client_secret: SecretStr | None = None
    paypal_webhook_id: str = Field("", description="Id of our webhook, part of what is signed")
    paypal_certificate_origins: tuple[str, ...] = Field(
        ("https://api.paypal.com", "https://api.sandbox.paypal.com"),
        description="JSON list of scheme://host that webhook certificates may come from",
    )

    xendit_base_url: str = Field("https://api.xendit.co", description="Xendit's API")
    xendit_secret_key: SecretStr | None = None
    xendit_callback_token: SecretStr | None = None

    midtrans_base_url: str = Field("https://api.midtrans.com", description="Midtrans' Core API")
    midtrans_server_key: SecretStr | None = None

    @model_validator(mode="after")
    def _keys_in_pairs(self) -> Self:
        for given, other, name in (
            (self.stripe_api_key, self.stripe_webhook_secret, "STRIPE_WEBHOOK_SECRET"),
            (self.paypal_client_id, self.paypal_client_secret, "PAYPAL_CLIENT_SECRET"),
            (self.paypal_client_id, self.paypal_webhook_id, "PAYPAL_WEBHOOK_ID"),
            (self.xendit_secret_key, self.xendit_callback_token, "XENDIT_CALLBACK_TOKEN"),
        ):
            if given is not None and not other:
                raise ValueError(f"{name} is missing")
        return self
