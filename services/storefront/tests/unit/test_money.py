"""Money as people read and write it."""

import pytest
from babel import Locale

from shop_storefront.money import format_money, parse_amount, price_in

EN, ID = Locale.parse("en"), Locale.parse("id")


@pytest.mark.parametrize(
    ("amount", "currency", "english", "indonesian"),
    [
        (1999, "USD", "$19.99", "US$19,99"),
        (0, "USD", "$0.00", "US$0,00"),
        (1500, "JPY", "¥1,500", "JP¥1.500"),
        (15000000, "IDR", "IDR150,000.00", "Rp150.000,00"),
        (1234567, "KWD", "KWD1,234.567", "KWD1.234,567"),
    ],
)
def test_amounts_are_of_minor_units(
    amount: int, currency: str, english: str, indonesian: str
) -> None:
    money = {"amount": amount, "currency": currency}
    said = [format_money(money, each).replace("\xa0", "") for each in (EN, ID)]
    assert said[0] == english
    assert said[1] in {indonesian, indonesian.removesuffix(",00")}


def test_no_price_is_shown_rounded() -> None:
    # People write forint without decimals; ISO 4217 has two.
    assert format_money({"amount": 100050, "currency": "HUF"}, EN).endswith("1,000.50")


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("12.5", "USD", 1250), (" 7 ", "USD", 700), ("", "USD", None), ("300", "JPY", 300)],
)
def test_what_is_typed_becomes_minor_units(text: str, currency: str, minor: int | None) -> None:
    assert parse_amount(text, currency) == minor


@pytest.mark.parametrize(
    "text", ["-1", "1e400", "NaN", "12,50", "1.234", "0x10", "9" * 16, "١٢", "1 2"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        parse_amount(text, "USD")


def test_no_cents_of_yen() -> None:
    with pytest.raises(ValueError, match="not an amount"):
        parse_amount("10.5", "JPY")


def test_a_price_is_that_of_the_currency() -> None:
    usd, idr = {"amount": 1, "currency": "USD"}, {"amount": 2, "currency": "IDR"}
    product = {"price": usd, "other_prices": [idr]}
    assert price_in(product, "IDR") == idr
    assert price_in(product, "EUR") is None
