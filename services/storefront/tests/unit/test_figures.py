"""The figures of the staff's first page."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shop_storefront.staff import figures

NOW = datetime(2026, 3, 1, 12, 40, tzinfo=UTC)


def order(hours_ago: float, status: str, amount: int | None, provider: str = "stripe") -> Any:
    total = {"amount": amount, "currency": "USD"} if amount is not None else None
    placed = (NOW - timedelta(hours=hours_ago)).isoformat()
    return {
        "placed_at": placed,
        "status": status,
        "total": total,
        "payment": {"provider": provider},
    }


ORDERS = [
    order(0.1, "paid", 500),
    order(0.2, "delivered", 300),
    order(0.3, "cancelled", 900),
    order(2, "shipped", 100, "paypal"),
    order(3, "pending", None),
]


def test_orders_are_counted_by_their_hour() -> None:
    bars = figures.orders_an_hour(ORDERS, NOW)
    assert len(bars) == 24
    assert [(bar.label, bar.value, bar.height) for bar in bars[-4:]] == [
        ("09", 1, 100 / 3),
        ("10", 1, 100 / 3),
        ("11", 0, 0),
        ("12", 3, 100),
    ]


def test_only_what_was_paid_is_money() -> None:
    [(currency, bars)] = figures.money_an_hour(ORDERS, NOW).items()
    assert currency == "USD"
    assert [bar.value for bar in bars[-3:]] == [100, 0, 800]


def test_states_and_providers_are_counted() -> None:
    assert figures.by_provider(ORDERS) == [("stripe", 4), ("paypal", 1)]
    assert dict(figures.by_state(ORDERS))["paid"] == 1


def test_no_orders_are_no_bars_of_any_height() -> None:
    assert {bar.height for bar in figures.orders_an_hour([], NOW)} == {0}


def payment(**changes: object) -> dict[str, Any]:
    return {
        "failure": None,
        "refunds": [],
        "status": "captured",
        "updated_at": NOW.isoformat(),
        **changes,
    }


def test_who_has_to_look_at_a_payment() -> None:
    old = (NOW - timedelta(minutes=16)).isoformat()
    assert figures.needs_a_person(payment(), NOW) is None
    assert figures.needs_a_person(payment(updated_at=old), NOW) is None
    assert figures.needs_a_person(payment(status="pending"), NOW) is None
    assert figures.needs_a_person(payment(status="pending", updated_at=old), NOW) == "stuck"
    declined = {"reason": "declined"}
    assert figures.needs_a_person(payment(failure=declined), NOW) is None
    wrong = {"reason": "amount_mismatch"}
    assert figures.needs_a_person(payment(failure=wrong), NOW) == "amount_mismatch"
    refused = [{"status": "failed"}]
    assert figures.needs_a_person(payment(refunds=refused), NOW) == "refund_failed"
