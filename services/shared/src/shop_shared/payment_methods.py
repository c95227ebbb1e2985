"""The ways to pay that the shop offers: which provider serves which method in which currencies.

Order refuses what is not offered before it accepts an order, and payment before it charges one;
both read the setting PAYMENT_METHODS, whose default is `OFFERED`.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shop_shared.money import Currency

ProviderName = Literal["stripe", "paypal", "xendit", "midtrans"]


class OfferedMethod(BaseModel):
    """A way to pay: which provider serves it, in which currencies, and whether it needs a token."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: ProviderName
    method: Annotated[str, Field(pattern="^[a-z_]{1,40}$")]
    currencies: tuple[Currency, ...]
    needs_token: bool = False

    def __str__(self) -> str:
        return f"{self.provider} {self.method} ({', '.join(self.currencies)})"


_WORLD = ("USD", "EUR", "GBP", "JPY", "AUD", "CAD", "CHF", "SGD")
OFFERED = (
    OfferedMethod(provider="stripe", method="card", currencies=(*_WORLD, "IDR")),
    OfferedMethod(provider="paypal", method="paypal", currencies=_WORLD),
    OfferedMethod(provider="xendit", method="invoice", currencies=("IDR", "PHP")),
    OfferedMethod(provider="xendit", method="virtual_account", currencies=("IDR",)),
    OfferedMethod(provider="xendit", method="ewallet", currencies=("IDR", "PHP")),
    # Midtrans charges a card by the token that its own script made in the customer's browser:
    # https://docs.midtrans.com/reference/card-feature-pre-authorization, `token_id` is required.
    OfferedMethod(provider="midtrans", method="card", currencies=("IDR",), needs_token=True),
    OfferedMethod(provider="midtrans", method="gopay", currencies=("IDR",)),
    OfferedMethod(provider="midtrans", method="qris", currencies=("IDR",)),
    OfferedMethod(provider="midtrans", method="bank_transfer", currencies=("IDR",)),
)


def refusal(
    methods: Iterable[OfferedMethod],
    *,
    provider: str,
    method: str,
    currency: str,
    token: str | None,
) -> tuple[str, str] | None:
    """Return why a choice of payment is not possible as (field, message), or None if it is.

    The message names what is possible instead: the provider's methods, the method's currencies, or
    the ways to pay in that currency.
    """
    offered = tuple(methods)
    of_provider = [each for each in offered if each.provider == provider]
    chosen = next((each for each in of_provider if each.method == method), None)
    if chosen is not None and currency in chosen.currencies:
        if chosen.needs_token and not token:
            return "token", f"{provider} {method} needs a token"
        return None
    in_currency = [
        f"{each.provider} {each.method}" for each in offered if currency in each.currencies
    ]
    instead = f"{currency} is taken by: {', '.join(in_currency) or 'no way to pay'}"
    if chosen is not None:
        taken = ", ".join(chosen.currencies)
        return "currency", f"{provider} {method} takes {taken}, not {currency}; {instead}"
    if of_provider:
        served = ", ".join(map(str, of_provider))
        return "method", f"{provider} has no method {method}, but {served}; {instead}"
    return "provider", f"{provider} is not offered; {instead}"
