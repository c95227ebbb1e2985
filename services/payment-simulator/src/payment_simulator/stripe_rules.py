"""What Stripe refuses of a payment intent, and how it says so.

| rule | source |
|---|---|
| required `amount`, `currency` | https://docs.stripe.com/api/payment_intents/create |
| a supported currency | https://docs.stripe.com/currencies#presentment-currencies |
| the least amount | https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts |
| 8 digits at the most, more for a few | the same page; the SDK's docstring of `amount` |
| ISK and UGX whole, three-decimal currencies end in 0 | https://docs.stripe.com/currencies#special-cases, #three-decimal |
| error codes | https://docs.stripe.com/error-codes |
"""  # noqa: E501 - a row of a table is a line

from __future__ import annotations

from collections.abc import Mapping

from payment_simulator.desk import Document

CURRENCIES = frozenset(
    [
        "aed",
        "afn",
        "all",
        "amd",
        "ang",
        "aoa",
        "ars",
        "aud",
        "awg",
        "azn",
        "bam",
        "bbd",
        "bdt",
        "bgn",
        "bhd",
        "bif",
        "bmd",
        "bnd",
        "bob",
        "brl",
        "bsd",
        "bwp",
        "byn",
        "bzd",
        "cad",
        "cdf",
        "chf",
        "clp",
        "cny",
        "cop",
        "crc",
        "cve",
        "czk",
        "djf",
        "dkk",
        "dop",
        "dzd",
        "egp",
        "etb",
        "eur",
        "fjd",
        "fkp",
        "gbp",
        "gel",
        "gip",
        "gmd",
        "gnf",
        "gtq",
        "gyd",
        "hkd",
        "hnl",
        "htg",
        "huf",
        "idr",
        "ils",
        "inr",
        "isk",
        "jmd",
        "jod",
        "jpy",
        "kes",
        "kgs",
        "khr",
        "kmf",
        "krw",
        "kwd",
        "kyd",
        "kzt",
        "lak",
        "lbp",
        "lkr",
        "lrd",
        "lsl",
        "mad",
        "mdl",
        "mga",
        "mkd",
        "mmk",
        "mnt",
        "mop",
        "mur",
        "mvr",
        "mwk",
        "mxn",
        "myr",
        "mzn",
        "nad",
        "ngn",
        "nio",
        "nok",
        "npr",
        "nzd",
        "omr",
        "pab",
        "pen",
        "pgk",
        "php",
        "pkr",
        "pln",
        "pyg",
        "qar",
        "ron",
        "rsd",
        "rub",
        "rwf",
        "sar",
        "sbd",
        "scr",
        "sek",
        "sgd",
        "shp",
        "sle",
        "sos",
        "srd",
        "std",
        "szl",
        "thb",
        "tjs",
        "tnd",
        "top",
        "try",
        "ttd",
        "twd",
        "tzs",
        "uah",
        "ugx",
        "usd",
        "uyu",
        "uzs",
        "vnd",
        "vuv",
        "wst",
        "xaf",
        "xcd",
        "xof",
        "xpf",
        "yer",
        "zar",
        "zmw",
    ]
)
MINIMUM = {
    "usd": 50,
    "aed": 200,
    "aud": 50,
    "bgn": 100,
    "brl": 50,
    "cad": 50,
    "chf": 50,
    "czk": 1500,
    "dkk": 250,
    "eur": 50,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "inr": 50,
    "jpy": 50,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "nzd": 50,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "sgd": 50,
    "thb": 1000,
    # Not in the table: the equivalent of $0.50, rounded up at 16,000 to 20,000 rupiah a dollar.
    "idr": 1_000_000,
}
MINIMUM_ELSEWHERE = 50
"""For the other currencies, in their smallest unit: as of most in Stripe's table.

Stripe asks for the equivalent of $0.50 after conversion; the simulator has no rates, so it is laxer
for currencies whose unit is worth less (the least of KRW is about 700 there).
"""
DIGITS = {"idr": 12, "cop": 10, "huf": 10, "inr": 9}
DIGITS_ELSEWHERE = 8
_WHOLE = frozenset({"isk", "ugx"})
_THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
_PAYMENT_METHOD_PREFIXES = ("pm_", "card_", "src_")


def refuse_intent(form: Mapping[str, str]) -> Document | None:
    """Return Stripe's error for a payment intent it would not create, or None."""
    for name in ("amount", "currency"):
        if not form.get(name):
            return error("parameter_missing", f"Missing required param: {name}.", name)
    currency = form["currency"].lower()
    if currency not in CURRENCIES:
        return error(None, f"Invalid currency: {currency}.", "currency")
    refused = _refuse_amount(form["amount"], currency)
    if refused is not None:
        return refused
    method = form.get("payment_method")
    if method is not None and not method.startswith(_PAYMENT_METHOD_PREFIXES):
        return error("resource_missing", f"No such PaymentMethod: '{method}'", "payment_method")
    if form.get("confirm", "").lower() == "true" and method is None:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        return error("payment_intent_unexpected_state", message, None)
    return None


def _refuse_amount(  # noqa: PLR0911 - one return a rule
    text: str, currency: str
) -> Document | None:
    if not text.isascii() or not text.lstrip("-").isdigit():
        return error("parameter_invalid_integer", f"Invalid integer: {text}", "amount")
    amount = int(text)
    if amount < 1:
        message = "This value must be greater than or equal to 1."
        return error("parameter_invalid_integer", message, "amount")
    least = MINIMUM.get(currency, MINIMUM_ELSEWHERE)
    if amount < least:
        return error("amount_too_small", f"Amount must be at least {least} {currency}", "amount")
    most = 10 ** DIGITS.get(currency, DIGITS_ELSEWHERE) - 1
    if amount > most:
        message = f"Amount must be no more than {most} {currency}"
        return error("amount_too_large", message, "amount")
    if currency in _WHOLE and amount % 100:
        message = f"Amounts in {currency} must be evenly divisible by 100."
        return error("parameter_invalid_integer", message, "amount")
    if currency in _THREE_DECIMAL and amount % 10:
        message = f"Amounts in {currency} must end in 0."
        return error("parameter_invalid_integer", message, "amount")
    return None


def error(code: str | None, message: str, param: str | None) -> Document:
    """Make the `error` member of a refusal (400, invalid_request_error)."""
    made: Document = {"type": "invalid_request_error", "message": message}
    return made | {k: v for k, v in (("code", code), ("param", param)) if v is not None}
