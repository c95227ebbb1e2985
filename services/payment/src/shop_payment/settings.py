"""Settings of the payment service."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, model_validator

from shop_shared.payment_methods import OFFERED, OfferedMethod
from shop_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the payment service. A provider without its keys is not offered."""

    service_name: str = Field("payment", description="Name in logs, metrics, traces and groups")
    database_url: SecretStr = Field(description="postgresql://…; read again when it changes")

    payment_methods: tuple[OfferedMethod, ...] = Field(
        OFFERED, description="JSON list of {provider, method, currencies, needs_token}"
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
    paypal_client_id: SecretStr | None = Field(None, description="Of the REST app")
    paypal_client_secret: SecretStr | None = Field(None, description="Of the REST app")
    paypal_webhook_id: str = Field("", description="Id of our webhook, part of what is signed")
    paypal_certificate_origins: tuple[str, ...] = Field(
        ("https://api.paypal.com", "https://api.sandbox.paypal.com"),
        description="JSON list of scheme://host that webhook certificates may come from",
    )

    xendit_base_url: str = Field("https://api.xendit.co", description="Xendit's API")
    xendit_secret_key: SecretStr | None = Field(None, description="xnd_…")
    xendit_callback_token: SecretStr | None = Field(
        None, description="What its webhooks prove themselves by"
    )

    midtrans_base_url: str = Field("https://api.midtrans.com", description="Midtrans' Core API")
    midtrans_server_key: SecretStr | None = Field(
        None, description="Mid-server-…; its webhooks are signed by it too"
    )

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
