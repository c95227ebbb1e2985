"""The figures of the staff's first page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shop_storefront.staff import figures
from shop_storefront.staff.payments import reason

SINCE = datetime(2026, 3, 1, 13, tzinfo=UTC)


def count(hour: int, status: str, orders: int, amount: int | None, **other: str) -> dict[str, Any]:
    currency = other.get("currency", "USD")
    total = {"amount": amount, "currency": currency} if amount is not None else None
    return {
        "hour": (SINCE + timedelta(hours=hour)).isoformat(),
        "status": status,
        "provider": other.get("provider", "stripe"),
        "orders": orders,
        "total": total,
    }


COUNTS = [
    count(20, "pending", 1, None),
    count(21, "shipped", 2, 100, provider="paypal"),
    count(23, "paid", 1, 500),
    count(23, "delivered", 3, 300),
    count(23, "delivered", 1, 1000, provider="xendit", currency="IDR"),
    count(23, "cancelled", 1, 900),
]


def test_orders_are_counted_by_their_hour() -> None:
    bars = figures.orders_an_hour(COUNTS, SINCE)
    assert len(bars) == 24
    assert [(bar.label, bar.value, bar.height) for bar in bars[-4:]] == [
        ("09", 1, 100 / 6),
        ("10", 2, 100 / 3),
        ("11", 0, 0),
        ("12", 6, 100),
    ]


def test_only_what_was_paid_is_money_each_currency_for_itself() -> None:
    money = figures.money_an_hour(COUNTS, SINCE)
    assert list(money) == ["IDR", "USD"]
    assert [bar.value for bar in money["USD"][-3:]] == [100, 0, 800]
    assert [bar.value for bar in money["IDR"][-3:]] == [0, 0, 1000]


def test_states_and_providers_are_counted() -> None:
    assert figures.by("provider", COUNTS) == [("stripe", 6), ("paypal", 2), ("xendit", 1)]
    assert dict(figures.by("status", COUNTS))["delivered"] == 4


def test_no_orders_are_no_bars_of_any_height() -> None:
    assert {bar.height for bar in figures.orders_an_hour([], SINCE)} == {0}
    assert figures.money_an_hour([], SINCE) == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"failure": {"reason": "amount_mismatch"}}, "Another amount"),
        ({"refunds": [{"status": "succeeded"}, {"status": "failed"}]}, "refused to give"),
        ({"failure": {"reason": "declined"}}, "has not answered"),
        ({}, "has not answered"),
        ({"status": "captured"}, "second charge"),
    ],
)
def test_why_a_payment_needs_a_person_is_told(changes: dict[str, Any], said: str) -> None:
    assert said in reason({"failure": None, "refunds": [], "status": "pending", **changes})
