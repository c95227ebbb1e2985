"""The plots of the staff's first page, of what the API has counted (/v1/orders/figures)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

HOURS = 24
PAID = frozenset(("paid", "shipped", "delivered"))
Counts = Sequence[dict[str, Any]]
"""Each `hour`, `status`, `provider`, how many `orders`, and their `total` (None: not known yet)."""


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


def orders_an_hour(counts: Counts, since: datetime) -> list[Bar]:
    """Return how many orders were placed in each of the 24 hours from `since` on (UTC)."""
    placed: Counter[datetime] = Counter()
    for each in counts:
        placed[_hour(each)] += each["orders"]
    return bars((hour.strftime("%H"), placed[hour]) for hour in _hours(since))


def money_an_hour(counts: Counts, since: datetime) -> dict[str, list[Bar]]:
    """Return what was paid for orders of each hour, in minor units, by currency."""
    sums: dict[str, Counter[datetime]] = {}
    for each in counts:
        total = each["total"]
        if each["status"] in PAID and total:
            sums.setdefault(total["currency"], Counter())[_hour(each)] += total["amount"]
    return {
        currency: bars((hour.strftime("%H"), paid[hour]) for hour in _hours(since))
        for currency, paid in sorted(sums.items())
    }


def by(name: str, counts: Counts) -> list[tuple[str, int]]:
    """Return how many orders there are of each `status` or `provider`, the most first."""
    found: Counter[str] = Counter()
    for each in counts:
        found[each[name]] += each["orders"]
    return found.most_common()


def _hour(count: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(count["hour"]).astimezone(UTC)


def _hours(since: datetime) -> list[datetime]:
    return [since.astimezone(UTC) + timedelta(hours=later) for later in range(HOURS)]
