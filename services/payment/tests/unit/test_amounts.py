"""Money in each provider's way of writing it, and back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop_payment.domain import Total
from shop_payment.providers.amounts import (
    UnsupportedAmountError,
    from_decimal,
    from_stripe,
    to_number,
    to_paypal,
    to_stripe,
    to_whole,
)


@pytest.mark.parametrize(
    ("amount", "currency", "stripe", "paypal"),
    [
        (1999, "USD", 1999, "19.99"),
        (1999, "JPY", 1999, "1999"),
        (14_500_000, "IDR", 14_500_000, "145000.00"),
        (500, "ISK", 50_000, "500"),
        (500, "UGX", 50_000, "500"),
        (500, "MGA", 5, "5.00"),
        (12_340, "KWD", 12_340, "12.340"),
        (1000, "HUF", 1000, "10"),
    ],
)
def test_the_same_money_in_two_spellings(
    amount: int, currency: str, stripe: int, paypal: str
) -> None:
    total = Total(amount=amount, currency=currency)
    assert to_stripe(total) == stripe
    assert from_stripe(stripe, currency.lower()) == total
    assert to_paypal(total) == paypal
    assert from_decimal(paypal, currency) == total


def test_rupiah_are_whole_where_they_must_be() -> None:
    assert to_whole(Total(amount=14_500_000, currency="IDR")) == 145_000
    assert to_number(Total(amount=14_500_000, currency="IDR")) == 145_000
    for write in (to_whole, to_number):
        with pytest.raises(UnsupportedAmountError):
            write(Total(amount=14_500_050, currency="IDR"))


@pytest.mark.parametrize(("amount", "currency"), [(12_345, "KWD"), (501, "MGA")])
def test_what_stripe_would_round_is_refused(amount: int, currency: str) -> None:
    with pytest.raises(UnsupportedAmountError):
        to_stripe(Total(amount=amount, currency=currency))


def test_what_paypal_cannot_write_is_refused() -> None:
    with pytest.raises(UnsupportedAmountError):
        to_paypal(Total(amount=1001, currency="HUF"))


@pytest.mark.parametrize(
    "text", ["19.999", "NaN", "Infinity", "", "1e400", "1e999999", "-1e999999", "ten", "0x10"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedAmountError):
        from_decimal(text, "USD")


@given(
    st.integers(1, 10**12),
    st.sampled_from(["USD", "EUR", "JPY", "ISK", "UGX", "IDR", "PHP", "GBP", "KWD"]),
)
def test_there_and_back(amount: int, currency: str) -> None:
    total = Total(amount=amount * (10 if currency == "KWD" else 1), currency=currency)
    assert from_stripe(to_stripe(total), currency.lower()) == total
    assert from_decimal(Decimal(to_paypal(total)), currency) == total
