"""When a message that can wait may be sent."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from shop_notification.quiet_hours import QuietHours, due

NIGHT = QuietHours(time(22), time(7), "Europe/Berlin")  # 21:00 to 06:00 UTC in winter
NOON = QuietHours(time(12), time(13), "Asia/Jakarta")  # 05:00 to 06:00 UTC


def at(hour: int, minute: int = 0, day: int = 10) -> datetime:
    return datetime(2026, 1, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("quiet", "now", "expected"),
    [
        (NIGHT, at(20, 59), at(20, 59)),
        (NIGHT, at(21), at(6, day=11)),
        (NIGHT, at(23, 30), at(6, day=11)),
        (NIGHT, at(5, 59), at(6)),
        (NIGHT, at(6), at(6)),
        (NOON, at(5, 30), at(6)),
        (NOON, at(6), at(6)),
        (None, at(23), at(23)),
    ],
)
def test_a_message_waits_until_the_end_of_the_quiet_hours(
    quiet: QuietHours | None, now: datetime, expected: datetime
) -> None:
    assert due(now, quiet, category="orders", channel="push") == expected


def test_what_is_urgent_or_silent_does_not_wait() -> None:
    assert due(at(23), NIGHT, category="security", channel="sms") == at(23)
    assert due(at(23), NIGHT, category="orders", channel="email") == at(23)


def test_the_change_to_summer_time_is_minded() -> None:
    now = datetime(2026, 3, 28, 22, tzinfo=UTC)
    assert due(now, NIGHT, category="orders", channel="sms") == datetime(2026, 3, 29, 5, tzinfo=UTC)
