"""What every child carries."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shop_operator.metadata import timestamp


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 1, 31, 12, 0, 59, 999999, UTC), "2026-01-31T12:00:59Z"),
        (datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2025-12-31T22:00:00Z"),
        # Four digits, or the API server does not take it, and texts do not compare as times do.
        (datetime(999, 1, 1, tzinfo=UTC), "0999-01-01T00:00:00Z"),
    ],
)
def test_times_are_as_kubernetes_writes_them(at: datetime, text: str) -> None:
    assert timestamp(at) == text
