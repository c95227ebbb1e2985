"""The simulators refuse what the providers refuse, by their tables and near their limits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_simulator import midtrans_rules, paypal_rules, stripe_rules, xendit_rules
from shop_shared.money import minor_digits
from shop_shared.payment_methods import OFFERED


def stripe(amount: object, currency: str = "usd", **more: str) -> Any:
    form = {"amount": str(amount), "currency": currency, **more}
    return (stripe_rules.refuse_intent(form) or {}).get("code")


def paypal(value: object, currency: str = "USD") -> Any:
    order = {
        "intent": "CAPTURE",
        "purchase_units": [{"amount": {"currency_code": currency, "value": value}}],
    }
    refused = paypal_rules.refuse_order(order)
    return None if refused is None else (refused.status_code, bytes(refused.body))


def xendit(amount: object, currency: str = "IDR", *channels: str) -> Any:
    invoice: dict[str, Any] = {"external_id": "x", "amount": amount, "currency": currency}
    if channels:
        invoice["payment_methods"] = list(channels)
    return (xendit_rules.refuse_invoice(invoice) or {}).get("error_code")


def midtrans(amount: object, kind: str = "gopay", **more: object) -> Any:
    charge = {
        "payment_type": kind,
        "transaction_details": {"order_id": "o", "gross_amount": amount},
        **more,
    }
    return (midtrans_rules.refuse_charge(charge) or (None,))[0]


@pytest.mark.parametrize("currency", sorted(stripe_rules.CURRENCIES))
def test_stripe_takes_from_the_minimum_to_the_most_digits(currency: str) -> None:
    least = stripe_rules.MINIMUM.get(currency, stripe_rules.MINIMUM_ELSEWHERE)
    least += -least % 100 if currency in {"isk", "ugx"} else 0
    most = 10 ** stripe_rules.DIGITS.get(currency, stripe_rules.DIGITS_ELSEWHERE)
    assert stripe(least, currency) is None
    assert stripe(0, currency) == stripe(-1, currency) == "parameter_invalid_integer"
    assert stripe(most, currency) == "amount_too_large"
    assert stripe(most - 100, currency) is None
    below = stripe(least - 100 if currency in {"isk", "ugx"} else least - 1, currency)
    assert below in {"amount_too_small", "parameter_invalid_integer"}


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, "parameter_missing"),
        ({"amount": "100"}, "parameter_missing"),
        ({"amount": "1e3", "currency": "usd"}, "parameter_invalid_integer"),
        ({"amount": "100.5", "currency": "usd"}, "parameter_invalid_integer"),
        ({"amount": "10000000000000000", "currency": "usd"}, "amount_too_large"),
        ({"amount": "100", "currency": "usd", "payment_method": "visa"}, "resource_missing"),
        ({"amount": "12345", "currency": "kwd"}, "parameter_invalid_integer"),
        ({"amount": "150", "currency": "isk"}, "parameter_invalid_integer"),
        (
            {"amount": "100", "currency": "usd", "confirm": "true"},
            "payment_intent_unexpected_state",
        ),
    ],
)
def test_stripe_names_what_is_wrong(form: dict[str, str], code: str) -> None:
    refused = stripe_rules.refuse_intent(form)
    assert refused is not None
    assert (refused["type"], refused["code"]) == ("invalid_request_error", code)


def test_stripe_does_not_know_every_currency() -> None:
    refused = stripe_rules.refuse_intent({"amount": "100", "currency": "xxx"})
    assert refused is not None
    assert refused["param"] == "currency"


@pytest.mark.parametrize(
    ("value", "currency", "issue"),
    [
        ("0", "USD", b"CANNOT_BE_ZERO_OR_NEGATIVE"),
        ("0.00", "USD", b"CANNOT_BE_ZERO_OR_NEGATIVE"),
        ("-1", "USD", b"CANNOT_BE_ZERO_OR_NEGATIVE"),
        ("1.005", "USD", b"DECIMAL_PRECISION"),
        ("1.50", "JPY", b"DECIMALS_NOT_SUPPORTED"),
        ("1.0", "HUF", b"DECIMALS_NOT_SUPPORTED"),
        ("1.00", "IDR", b"CURRENCY_NOT_SUPPORTED"),
        ("1.00", "KWD", b"CURRENCY_NOT_SUPPORTED"),
        ("10000000.00", "USD", b"INVALID_STRING_MAX_LENGTH"),
        ("1e3", "USD", b"INVALID_PARAMETER_SYNTAX"),
        (1, "USD", b"MISSING_REQUIRED_PARAMETER"),
    ],
)
def test_paypal_names_the_issue(value: object, currency: str, issue: bytes) -> None:
    status, body = paypal(value, currency)
    assert status == (400 if issue.startswith((b"INVALID", b"MISSING")) else 422)
    assert issue in body


@pytest.mark.parametrize("currency", sorted(paypal_rules.CURRENCIES))
def test_paypal_takes_one_and_seven_digits(currency: str) -> None:
    assert paypal("1", currency) is None
    assert paypal("9999999", currency) is None


@pytest.mark.parametrize("amount", [0, -1, 10**15, 4550.5, True, "100", None, 0.001])
def test_xendit_refuses_rupiah_that_are_none(amount: object) -> None:
    assert xendit(amount) == "API_VALIDATION_ERROR"


def test_xendit_has_limits_by_channel_and_currency() -> None:
    assert xendit(1) is None
    assert xendit(20_000_000, "IDR", "OVO", "DANA") is None
    assert xendit(20_000_001, "IDR", "OVO", "DANA") == "API_VALIDATION_ERROR"
    assert xendit(9_999, "IDR", "BCA") == "API_VALIDATION_ERROR"
    assert xendit(10_000, "IDR", "BCA") is None
    assert xendit(0.5, "PHP") == "API_VALIDATION_ERROR"
    assert xendit(99.95, "PHP") is None
    assert xendit(200_000.01, "PHP") == "API_VALIDATION_ERROR"
    assert xendit(100, "EUR") == "UNSUPPORTED_CURRENCY"
    assert xendit(100, "PHP", "GCASH", "PAYMAYA") is None
    for currency, channel in (("PHP", "OVO"), ("IDR", "GCASH")):
        assert xendit(100, currency, "SHOPEEPAY", channel) == "UNAVAILABLE_PAYMENT_METHOD_ERROR"
    assert xendit_rules.refuse_invoice({"amount": 100}) is not None


@pytest.mark.parametrize("amount", [0, -1, 10**15, 2500.5, "2500", None, True])
def test_midtrans_refuses_rupiah_that_are_none(amount: object) -> None:
    assert midtrans(amount) == "400"


def test_midtrans_wants_a_card_token_and_knows_the_limits_of_its_channels() -> None:
    assert midtrans(2500, "credit_card") == "411"
    assert midtrans(2500, "credit_card", credit_card={"token_id": None}) == "411"
    assert midtrans(2500, "credit_card", credit_card={"token_id": "t"}) is None
    assert midtrans(10_000_000, "qris") is None
    assert midtrans(10_000_001, "qris") == "400"
    assert midtrans(20_000_001, "gopay") == "400"
    assert midtrans(2500, "bank_transfer") == "400"
    assert midtrans(2500, "bank_transfer", bank_transfer={"bank": "bca"}) is None
    assert midtrans(2500, "cash") == "400"


@given(st.sampled_from(OFFERED), st.integers(-3, 10**16), st.data())
def test_what_is_offered_can_be_paid_within_the_limits_and_never_outside(
    method: Any, amount: int, data: st.DataObject
) -> None:
    """Every currency of every way to pay, any amount of minor units as its adapter writes it."""
    currency = data.draw(st.sampled_from(method.currencies))
    digits = minor_digits(currency)
    if method.provider == "stripe":
        refused = stripe(amount, currency.lower(), payment_method="pm_card_visa")
    elif method.provider == "paypal":
        refused = paypal(f"{amount / 10**digits:.{digits}f}", currency)
    elif method.provider == "xendit":
        refused = xendit(amount / 10**digits, currency)
    else:
        whole = amount // 100 if amount % 100 == 0 else amount / 100
        refused = midtrans(whole, "bank_transfer", bank_transfer={"bank": "bca"})
    if amount <= 0 or amount >= 10**15:
        assert refused
    if currency == "IDR":
        if 10**6 <= amount <= 5 * 10**7 and amount % 100 == 0:
            assert not refused
        if amount % 100 and method.provider != "stripe":
            assert refused  # sen
    elif 10**4 <= amount <= 9 * 10**6:
        assert not refused
