"""What PayPal refuses of an order, and how it says so.

| rule | source |
|---|---|
| required `intent`, `purchase_units`, `amount` | https://developer.paypal.com/docs/api/orders/v2/#orders_create |
| currencies; HUF, JPY and TWD without decimals | https://developer.paypal.com/docs/api/reference/currency-codes/ |
| more than zero, two decimals at the most | https://developer.paypal.com/api/payments/v2/errors/cannot_be_zero_or_negative |
| no decimals where there are none | https://developer.paypal.com/api/payments/v2/errors/decimals_not_supported |
| seven digits before the point | https://developer.paypal.com/api/deprecated/payments/v1/definitions/amount |
| issues of the Orders API | https://developer.paypal.com/api/rest/integration/orders-api/troubleshooting |
"""  # noqa: E501 - a row of a table is a line

from __future__ import annotations

import re
from typing import Any

from fastapi import Response

from payment_simulator.desk import answer, new_id

CURRENCIES = frozenset(
    [
        "AUD",
        "BRL",
        "CAD",
        "CNY",
        "CZK",
        "DKK",
        "EUR",
        "HKD",
        "HUF",
        "ILS",
        "JPY",
        "MYR",
        "MXN",
        "TWD",
        "NZD",
        "NOK",
        "PHP",
        "PLN",
        "GBP",
        "SGD",
        "SEK",
        "CHF",
        "THB",
        "USD",
    ]
)
WITHOUT_DECIMALS = frozenset({"HUF", "JPY", "TWD"})
MOST = 9_999_999.99
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_TWO_DECIMALS = 2


def refuse_order(wanted: Any) -> Response | None:  # noqa: ANN401 - whatever JSON was sent
    """Return PayPal's answer to an order it would not create, or None."""
    if not isinstance(wanted, dict) or wanted.get("intent") not in {"CAPTURE", "AUTHORIZE"}:
        return invalid("/intent", "MISSING_REQUIRED_PARAMETER")
    units = wanted.get("purchase_units")
    if not isinstance(units, list) or not units or not isinstance(units[0], dict):
        return invalid("/purchase_units", "MISSING_REQUIRED_PARAMETER")
    return refuse_amount(units[0].get("amount"), "/purchase_units/0/amount")


def refuse_amount(amount: Any, field: str) -> Response | None:  # noqa: ANN401, PLR0911 - as above
    """Return PayPal's answer to an amount it would not take, or None."""
    if not isinstance(amount, dict):
        return invalid(field, "MISSING_REQUIRED_PARAMETER")
    for name in ("currency_code", "value"):
        if not isinstance(amount.get(name), str):
            return invalid(f"{field}/{name}", "MISSING_REQUIRED_PARAMETER")
    currency, value = amount["currency_code"], amount["value"]
    if currency not in CURRENCIES:
        return unprocessable("CURRENCY_NOT_SUPPORTED", f"{field}/currency_code")
    if not _NUMBER.fullmatch(value):
        return invalid(f"{field}/value", "INVALID_PARAMETER_SYNTAX")
    decimals = len(value.partition(".")[2])
    if float(value) <= 0:
        return unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE", f"{field}/value")
    if currency in WITHOUT_DECIMALS and decimals:
        return unprocessable("DECIMALS_NOT_SUPPORTED", f"{field}/value")
    if decimals > _TWO_DECIMALS:
        return unprocessable("DECIMAL_PRECISION", f"{field}/value")
    if float(value) > MOST:
        return invalid(f"{field}/value", "INVALID_STRING_MAX_LENGTH")
    return None


def invalid(field: str, issue: str) -> Response:
    """Answer 400 INVALID_REQUEST: the request is not of the API's shape."""
    message = "Request is not well-formed, syntactically incorrect, or violates schema."
    return _refusal(400, "INVALID_REQUEST", message, {"field": field, "issue": issue})


def unprocessable(issue: str, field: str | None = None) -> Response:
    """Answer 422 UNPROCESSABLE_ENTITY: well formed, and not possible."""
    message = f"The requested action could not be performed: {issue}"
    detail = {"issue": issue} if field is None else {"field": field, "issue": issue}
    return _refusal(422, "UNPROCESSABLE_ENTITY", message, detail)


def not_found() -> Response:
    """Answer 404 RESOURCE_NOT_FOUND."""
    message = "The specified resource does not exist."
    return _refusal(404, "RESOURCE_NOT_FOUND", message, {"issue": "INVALID_RESOURCE_ID"})


def _refusal(status: int, name: str, message: str, detail: dict[str, str]) -> Response:
    debug_id = new_id("")[:13]
    return answer(
        {"name": name, "message": message, "debug_id": debug_id, "details": [detail]}, status
    )
