"""What the staff's first page counts: orders and money an hour, by state and by provider."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

HOURS = 24
PAID = frozenset(("paid", "shipped", "delivered"))


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a plot: its label, its value, and its height from 0 to 100."""

    label: str
    value: int
    height: float


def bars(pairs: Iterable[tuple[str, int]]) -> list[Bar]:
    """Return pairs of label and value as bars, the highest of them 100."""
    known = list(pairs)
    highest = max((value for _, value in known), default=0)
    return [Bar(label, value, 100 * value / highest if highest else 0.0) for label, value in known]


def orders_an_hour(orders: Sequence[dict[str, Any]], now: datetime) -> list[Bar]:
    """Return how many orders were placed in each of the last 24 hours (UTC), oldest first."""
    counted = Counter(_hour(order) for order in orders)
    return bars((hour.strftime("%H"), counted[hour]) for hour in _hours(now))


def money_an_hour(orders: Sequence[dict[str, Any]], now: datetime) -> dict[str, list[Bar]]:
    """Return what was paid for orders of each hour, in minor units, by currency."""
    sums: dict[str, Counter[datetime]] = {}
    for order in orders:
        if order["status"] in PAID and order["total"]:
            total = order["total"]
            sums.setdefault(total["currency"], Counter())[_hour(order)] += total["amount"]
    return {
        currency: bars((hour.strftime("%H"), counted[hour]) for hour in _hours(now))
        for currency, counted in sorted(sums.items())
    }


def by_state(orders: Sequence[dict[str, Any]]) -> list[tuple[str, int]]:
    """Return how many orders are in each state, the most frequent first."""
    return Counter(order["status"] for order in orders).most_common()


def by_provider(orders: Sequence[dict[str, Any]]) -> list[tuple[str, int]]:
    """Return how many orders are paid by each provider, the most frequent first."""
    return Counter(order["payment"]["provider"] for order in orders).most_common()


def needs_a_person(payment: dict[str, Any], now: datetime) -> str | None:
    """Return why somebody has to look at a payment, None where nobody has to.

    A wrong amount, a refund that failed, or a step that has not ended for a quarter of an hour.
    """
    failure = payment["failure"]
    if failure and failure["reason"] == "amount_mismatch":
        return "amount_mismatch"
    if any(refund["status"] == "failed" for refund in payment["refunds"]):
        return "refund_failed"
    since = now - datetime.fromisoformat(payment["updated_at"])
    if payment["status"] in {"pending", "refunding"} and since > timedelta(minutes=15):
        return "stuck"
    return None


def _hour(order: dict[str, Any]) -> datetime:
    placed = datetime.fromisoformat(order["placed_at"]).astimezone(UTC)
    return placed.replace(minute=0, second=0, microsecond=0)


def _hours(now: datetime) -> list[datetime]:
    latest = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return [latest - timedelta(hours=ago) for ago in reversed(range(HOURS))]
