"""Makes the adapters of the providers whose keys are set, and knows who serves what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shop_payment.providers.midtrans import MidtransProvider
from shop_payment.providers.paypal import PayPalProvider
from shop_payment.providers.paypal_webhooks import PayPalSignatures
from shop_payment.providers.protocol import PaymentProvider
from shop_payment.providers.stripe import StripeProvider
from shop_payment.providers.xendit import XenditProvider
from shop_payment.settings import Settings
from shop_shared.payment_methods import OfferedMethod, refusal

Providers = Mapping[str, PaymentProvider]


def make_providers(settings: Settings) -> Providers:
    """One adapter a provider, each with connections of its own."""
    made: list[PaymentProvider] = []
    timeout = settings.provider_timeout_seconds
    if settings.stripe_api_key and settings.stripe_webhook_secret:
        made.append(
            StripeProvider(
                api_key=settings.stripe_api_key.get_secret_value(),
                webhook_secret=settings.stripe_webhook_secret.get_secret_value(),
                base_url=settings.stripe_base_url,
                return_url=settings.payment_return_url,
                timeout=timeout,
            )
        )
    if settings.paypal_client_id and settings.paypal_client_secret:
        made.append(
            PayPalProvider(
                base_url=settings.paypal_base_url,
                client_id=settings.paypal_client_id.get_secret_value(),
                client_secret=settings.paypal_client_secret.get_secret_value(),
                signatures=PayPalSignatures(
                    webhook_id=settings.paypal_webhook_id,
                    origins=settings.paypal_certificate_origins,
                    timeout=timeout,
                ),
                return_url=settings.payment_return_url,
                timeout=timeout,
            )
        )
    if settings.xendit_secret_key and settings.xendit_callback_token:
        made.append(
            XenditProvider(
                base_url=settings.xendit_base_url,
                secret_key=settings.xendit_secret_key.get_secret_value(),
                callback_token=settings.xendit_callback_token.get_secret_value(),
                return_url=settings.payment_return_url,
                timeout=timeout,
            )
        )
    if settings.midtrans_server_key:
        made.append(
            MidtransProvider(
                base_url=settings.midtrans_base_url,
                server_key=settings.midtrans_server_key.get_secret_value(),
                timeout=timeout,
            )
        )
    return {provider.name: provider for provider in made}


class Catalogue:
    """Which ways to pay are open: what is configured, of the providers that have keys."""

    def __init__(self, methods: Iterable[OfferedMethod], providers: Iterable[str]) -> None:
        served = frozenset(providers)
        self._methods = tuple(method for method in methods if method.provider in served)

    def offered(self, currency: str | None = None) -> list[OfferedMethod]:
        """List the ways to pay, in one currency where it is given."""
        return [m for m in self._methods if currency is None or currency in m.currencies]

    def refusal(
        self, *, provider: str, method: str, currency: str, token: str | None
    ) -> str | None:
        """Return why a choice of payment is not possible, naming what is, or None if it is."""
        refused = refusal(
            self._methods, provider=provider, method=method, currency=currency, token=token
        )
        return None if refused is None else refused[1]
