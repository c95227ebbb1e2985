"""Our minor units (ISO 4217) in each provider's way of writing money, and back.

Providers differ: Stripe counts its zero-decimal currencies whole but ISK and UGX in hundredths;
PayPal writes decimal strings and none for JPY, HUF and TWD; Xendit and Midtrans write rupiah whole,
though ISO gives them two digits. Sources: https://docs.stripe.com/currencies#zero-decimal,
https://developer.paypal.com/api/rest/reference/currency-codes/.
"""

from __future__ import annotations

from decimal import Decimal

from shop_payment.domain import Total
from shop_payment.providers.protocol import DeclinedError, ProviderError, UnreadableError
from shop_shared.money import MAX_AMOUNT, minor_digits

_STRIPE_ZERO_DECIMAL = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV"}
    | {"XAF", "XOF", "XPF"}
)
_STRIPE_THREE_DECIMAL = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
_PAYPAL_WHOLE = frozenset({"HUF", "JPY", "TWD"})


class UnsupportedAmountError(ProviderError):
    """An amount that the provider, or we, cannot express."""


class AmountNotTakenError(UnsupportedAmountError, DeclinedError):
    """An amount of ours that the provider does not take; it was not sent."""


class UnreadableAmountError(UnsupportedAmountError, UnreadableError):
    """An amount in an answer that is not one of whole minor units."""


def to_decimal(total: Total) -> Decimal:
    """1999 USD minor units as Decimal 19.99."""
    return Decimal(total.amount).scaleb(-minor_digits(total.currency))


def from_decimal(text: str | float | Decimal, currency: str) -> Total:
    """Read "19.99" USD as 1999. Raises UnreadableAmountError for parts of a minor unit."""
    try:
        minor = Decimal(str(text)).scaleb(minor_digits(currency))
    except (ArithmeticError, KeyError, TypeError):
        raise UnreadableAmountError(f"{text!r} {currency} is no amount") from None
    if not minor.is_finite() or abs(minor) > MAX_AMOUNT or minor != minor.to_integral_value():
        raise UnreadableAmountError(f"{text} {currency} is no amount of whole minor units")
    return Total(amount=int(minor), currency=currency)


def to_stripe(total: Total) -> int:
    """Stripe's integer; three-decimal currencies must end in 0 there."""
    scaled = to_decimal(total).scaleb(_stripe_digits(total.currency))
    if scaled != scaled.to_integral_value():
        raise AmountNotTakenError(f"Stripe takes no parts of {total.currency}")
    if total.currency in _STRIPE_THREE_DECIMAL and scaled % 10:
        raise AmountNotTakenError(f"Stripe rounds {total.currency} to hundredths")
    return int(scaled)


def from_stripe(amount: int, currency: str) -> Total:
    """Read Stripe's integer and lower-case currency."""
    code = currency.upper()
    return from_decimal(Decimal(amount).scaleb(-_stripe_digits(code)), code)


def to_paypal(total: Total) -> str:
    """PayPal's decimal string."""
    if total.currency in _PAYPAL_WHOLE:
        return str(to_whole(total))
    return f"{to_decimal(total):f}"


def to_whole(total: Total) -> int:
    """Whole units, as Midtrans takes rupiah."""
    value = to_decimal(total)
    if value != value.to_integral_value():
        raise AmountNotTakenError(f"no parts of {total.currency} are taken here")
    return int(value)


def to_number(total: Total) -> int | float:
    """Xendit's JSON number: whole rupiah and dong, decimals elsewhere."""
    if total.currency in {"IDR", "VND"}:
        return to_whole(total)
    return float(to_decimal(total))


_WRITTEN = {"stripe": to_stripe, "paypal": to_paypal, "xendit": to_number, "midtrans": to_whole}


def require_taken(total: Total, *, provider: str) -> None:
    """Raise AmountNotTakenError for an amount that the provider cannot express."""
    _WRITTEN[provider](total)


def _stripe_digits(currency: str) -> int:
    if currency in _STRIPE_ZERO_DECIMAL:
        return 0
    return 3 if currency in _STRIPE_THREE_DECIMAL else 2
