"""Money as people read and write it."""

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from babel import Locale
from babel.numbers import get_currency_precision, parse_pattern

from shop_shared.money import MAX_AMOUNT, minor_digits

# What JSON brings: {"amount": 1999, "currency": "USD"}.
MoneyJson = dict[str, Any]

_PLAIN = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,4})?")


def format_money(money: MoneyJson, locale: Locale) -> str:
    """Return an amount of minor units in the locale's form: $19.99, Rp 150.000.

    CLDR says how many decimals people write (none for IDR). An amount that has more keeps all of
    ISO 4217's, so that no price is shown rounded.
    """
    currency = str(money["currency"])
    value = to_decimal(money)
    usual = get_currency_precision(currency)
    is_whole = value == value.quantize(Decimal(1).scaleb(-usual))
    digits = usual if is_whole else minor_digits(currency)
    pattern = parse_pattern(locale.currency_formats["standard"].pattern)
    pattern.frac_prec = (digits, digits)
    return str(pattern.apply(value, locale, currency=currency, currency_digits=False))


def to_decimal(money: MoneyJson) -> Decimal:
    """Return the amount in the currency's main unit. Raises KeyError for an unknown currency."""
    return Decimal(int(money["amount"])).scaleb(-minor_digits(str(money["currency"])))


def parse_amount(text: str, currency: str) -> int | None:
    """Return the minor units of what an input of type number holds, None where it is empty.

    Raises ValueError for what is no amount of the currency: signs, exponents, too many decimals.
    """
    written = text.strip()
    if not written:
        return None
    if not _PLAIN.fullmatch(written):
        raise ValueError("not an amount")
    try:
        minor = Decimal(written).scaleb(minor_digits(currency))
    except InvalidOperation as error:
        raise ValueError("not an amount") from error
    if minor != minor.to_integral_value() or minor > MAX_AMOUNT:
        raise ValueError("not an amount of this currency")
    return int(minor)


def price_in(product: dict[str, Any], currency: str) -> MoneyJson | None:
    """Return a product's price in a currency, None where it is not sold in it."""
    prices = [product["price"], *product.get("other_prices", ())]
    return next((price for price in prices if price["currency"] == currency), None)
