"""What Xendit refuses of an invoice, and how it says so.

| rule | source |
|---|---|
| required `external_id`, `amount`; error shape | https://developers.xendit.co/api-reference/#create-invoice |
| IDR is whole (Xendit cuts the sen off without a word; the simulator refuses, so that nobody relies on it) | the same page |
| `payment_methods` of the invoice's currency | https://docs.xendit.co/docs/available-payment-methods |
| currencies IDR, PHP, THB, VND, MYR, USD | https://docs.xendit.co/credit-cards/supported-currencies |
| banks: from IDR 1 (BCA 10,000) to 50,000,000,000 (Permata 9,999,999,999, BCA 999,999,999,999) | https://docs.xendit.co/xenpayments/virtual-account/rules-and-limitations |
| wallets: what a verified wallet can hold, IDR 20,000,000 | https://docs.xendit.co/xendisburse/limits-and-processing-times |
| PHP: 1 to 200,000, the widest of the outlets | https://docs.xendit.co/xenpayments/retail-outlet/rules-and-limitations |
"""  # noqa: E501 - a row of a table is a line

from __future__ import annotations

from decimal import Decimal
from typing import Any

from payment_simulator.desk import Document

CURRENCIES = frozenset({"IDR", "PHP", "THB", "VND", "MYR", "USD"})
WHOLE = frozenset({"IDR", "VND"})
BANKS = {
    "BCA": (10_000, 999_999_999_999),
    "BNI": (1, 50_000_000_000),
    "BRI": (1, 50_000_000_000),
    "MANDIRI": (1, 50_000_000_000),
    "PERMATA": (1, 9_999_999_999),
}
WALLETS = dict.fromkeys(("OVO", "DANA", "SHOPEEPAY", "LINKAJA"), (1, 20000000))
CHANNELS = {
    "IDR": [*BANKS, *WALLETS, "QRIS", "CREDIT_CARD"],
    "PHP": ["GCASH", "PAYMAYA", "GRABPAY", "SHOPEEPAY", "CREDIT_CARD"],
}
PHP_LIMITS = (1, 200_000)
LIMITS_ELSEWHERE = (1, 999_999_999_999)
_MAX_EXTERNAL_ID = 255
_TWO_DECIMALS = 2


def refuse_invoice(wanted: Any) -> Document | None:  # noqa: ANN401 - whatever JSON was sent
    """Return Xendit's error for an invoice it would not create, or None."""
    if not isinstance(wanted, dict):
        return error("the body must be an object", "body")
    external_id = wanted.get("external_id")
    if not isinstance(external_id, str) or not 0 < len(external_id) <= _MAX_EXTERNAL_ID:
        return error('"external_id" is required', "external_id")
    currency = wanted.get("currency", "IDR")
    if currency not in CURRENCIES:
        return {
            "error_code": "UNSUPPORTED_CURRENCY",
            "message": f"The currency {currency} is not supported",
        }
    channels = wanted.get("payment_methods")
    named = channels if isinstance(channels, list) else []
    if currency in CHANNELS and any(name not in CHANNELS[currency] for name in named):
        return {
            "error_code": "UNAVAILABLE_PAYMENT_METHOD_ERROR",
            "message": "A payment method is not available in this currency",
        }
    return refuse_amount(wanted.get("amount"), currency, channels)


def refuse_amount(amount: Any, currency: str, channels: Any = None) -> Document | None:  # noqa: ANN401 - as above
    """Return Xendit's error for an amount that none of the channels takes, or None."""
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        return error('"amount" must be a number', "amount")
    decimals = -int(Decimal(str(amount)).normalize().as_tuple().exponent)
    if decimals > (0 if currency in WHOLE else _TWO_DECIMALS):
        return error(f'"amount" must have no such decimals in {currency}', "amount")
    limits = _limits(currency, channels)
    least, most = min(low for low, _ in limits), max(high for _, high in limits)
    if not least <= amount <= most:
        return error(f'"amount" must be from {least} to {most} {currency}', "amount")
    return None


def _limits(currency: str, channels: Any) -> list[tuple[int, int]]:  # noqa: ANN401 - as above
    if currency == "PHP":
        return [PHP_LIMITS]
    if currency != "IDR":
        return [LIMITS_ELSEWHERE]
    known = BANKS | WALLETS
    named = channels if isinstance(channels, list) and channels else list(known)
    return [known[name] for name in named if name in known] or [LIMITS_ELSEWHERE]


def error(message: str, field: str) -> Document:
    """Make a validation error (400)."""
    return {
        "error_code": "API_VALIDATION_ERROR",
        "message": "There was an error with the format submitted to the server.",
        "errors": [{"path": [field], "message": message}],
    }
