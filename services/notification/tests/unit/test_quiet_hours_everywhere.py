"""Quiet hours in every zone of the world and over both changes of its clocks."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop_notification.quiet_hours import QuietHours, due

ZONES = sorted(available_timezones())
MOMENTS = st.integers(0, 7 * 365 * 24 * 60).map(
    lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
TIMES = st.times().filter(lambda value: value.tzinfo is None)
ROUND_TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))


def offset(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()


def changes_of(name: str, year: int = 2026) -> list[datetime]:
    """Return when the zone's clocks change in a year, to the minute."""
    zone, found = ZoneInfo(name), []
    moment = datetime(year, 1, 1, tzinfo=UTC)
    while moment.year == year:
        after = moment + timedelta(hours=1)
        if offset(moment, zone) != offset(after, zone):
            while offset(moment, zone) == offset(moment + timedelta(minutes=1), zone):
                moment += timedelta(minutes=1)
            found.append(moment + timedelta(minutes=1))
        moment = after
    return found


def check(quiet: QuietHours, now: datetime) -> None:
    at = due(now, quiet, category="orders", channel="push")
    assert at >= now
    assert not quiet.covers(at)
    if not quiet.covers(now):
        assert at == now
        return
    # It rings at the first moment that is not quiet: all before it are.
    assert quiet.covers(at - timedelta(microseconds=1))
    moment = now
    while moment < at:
        assert quiet.covers(moment)
        moment += timedelta(minutes=7)


@given(zone=st.sampled_from(ZONES), now=MOMENTS, start=TIMES, end=TIMES)
@settings(max_examples=300, deadline=None)
def test_at_any_time(zone: str, now: datetime, start: time, end: time) -> None:
    if start != end:
        check(QuietHours(start, end, zone), now)


CHANGING = [zone for zone in ZONES if changes_of(zone)]


@given(
    zone=st.sampled_from(CHANGING),
    which=st.integers(0, 1),
    minutes=st.integers(-26 * 60, 26 * 60),
    start=ROUND_TIMES,
    end=ROUND_TIMES,
)
@settings(max_examples=500, deadline=None)
def test_around_every_change_of_clocks(
    zone: str, which: int, minutes: int, start: time, end: time
) -> None:
    if start == end:
        return
    changes = changes_of(zone)
    now = changes[which % len(changes)] + timedelta(minutes=minutes)
    check(QuietHours(start, end, zone), now)


@pytest.mark.parametrize("zone", CHANGING)
def test_hours_that_end_within_the_change(zone: str) -> None:
    for change in changes_of(zone):
        shown = change.astimezone(ZoneInfo(zone))
        for minutes in (-90, -45, -30, -1, 0, 1, 30, 45):
            end = (shown + timedelta(minutes=minutes)).time()
            quiet = QuietHours(time(22), end, zone)
            for ahead in range(-150, 150, 25):
                check(quiet, change + timedelta(minutes=ahead))


def test_the_repeated_hour_in_berlin() -> None:
    quiet = QuietHours(time(22), time(2, 30), "Europe/Berlin")
    # 02:10 for the second time, on the 25th of October 2026: quiet until 02:30 comes again.
    now = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)
    expected = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert due(now, quiet, category="orders", channel="push") == expected


def test_the_skipped_hour_in_berlin() -> None:
    quiet = QuietHours(time(22), time(2, 30), "Europe/Berlin")
    # Clocks go from 02:00 to 03:00 at 01:00 UTC: half past two never comes.
    now = datetime(2026, 3, 29, 0, 10, tzinfo=UTC)
    expected = datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert due(now, quiet, category="orders", channel="push") == expected
