"""Money: whole minor units of ISO 4217 currencies, in domains and in requests alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shop_shared.money import MAX_AMOUNT, CurrencyMismatchError, Money, minor_digits

MONEY = TypeAdapter(Money)
amounts = st.integers(0, MAX_AMOUNT // 2)


@given(amounts, amounts)
def test_sums_and_differences(one: int, other: int) -> None:
    total = Money(one, "USD") + Money(other, "USD")
    assert total == Money(one + other, "USD")
    assert total - Money(other, "USD") == Money(one, "USD")


def test_it_is_never_negative_nor_beyond_its_bound_nor_of_no_currency() -> None:
    with pytest.raises(ValueError, match="money is 0 to"):
        Money(1, "USD") - Money(2, "USD")
    with pytest.raises(ValueError, match="money is 0 to"):
        Money(MAX_AMOUNT, "USD") * 2
    with pytest.raises(CurrencyMismatchError):
        Money(1, "USD") + Money(1, "EUR")
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(1, "XXX")


@pytest.mark.parametrize(
    "bad",
    [
        {"amount": -1, "currency": "USD"},
        {"amount": "1", "currency": "USD"},
        {"amount": True, "currency": "USD"},
        {"amount": 1.0, "currency": "USD"},
        {"amount": MAX_AMOUNT + 1, "currency": "USD"},
        {"amount": 1, "currency": "usd"},
        {"amount": 1, "currency": "ZZZ"},
        {"amount": 1, "currency": "USD", "cents": 5},
    ],
)
def test_bad_money_in_a_request_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MONEY.validate_python(bad)


def test_minor_digits_are_those_of_iso_4217() -> None:
    expected = {"USD": 2, "IDR": 2, "JPY": 0, "KRW": 0, "HUF": 2, "KWD": 3, "ISK": 0, "XCG": 2}
    assert {code: minor_digits(code) for code in expected} == expected
    with pytest.raises(KeyError):
        minor_digits("XAU")


def test_a_withdrawn_currency_can_still_be_read() -> None:
    assert MONEY.validate_python({"amount": 1, "currency": "BGN"}) == Money(1, "BGN")
