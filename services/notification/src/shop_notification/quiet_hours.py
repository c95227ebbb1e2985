"""Quiet hours: when a message that can wait may be sent.

What counts is the time on the reader's clock. Where clocks go back, an hour of it comes twice, and
both are quiet; where they go forward over the end of the quiet hours, they end with the change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

ALWAYS_NOW = frozenset({"security"})
SILENT_CHANNELS = frozenset({"email"})
"""A mail rings nobody."""
_HORIZON_DAYS = 4
"""Some of the clock is not quiet each day, and no change of clocks skips more than two days."""
_STEP = timedelta(hours=1)
"""No zone changes its clock twice within it."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of day until another, perhaps past midnight, where the reader lives."""

    start: time
    end: time
    timezone: str

    def covers(self, moment: datetime) -> bool:
        """Return True if it is quiet at that moment, by the reader's clock."""
        clock = moment.astimezone(ZoneInfo(self.timezone)).time()
        if self.start > self.end:
            return clock >= self.start or clock < self.end
        return self.start <= clock < self.end


def due(now: datetime, quiet: QuietHours | None, *, category: str, channel: str) -> datetime:
    """Return the first moment from `now` on at which a message may go."""
    if quiet is None or category in ALWAYS_NOW or channel in SILENT_CHANNELS:
        return now
    if not quiet.covers(now):
        return now
    zone = ZoneInfo(quiet.timezone)
    ends = sorted({*_ends(now, quiet.end, zone), *_clock_changes(now, zone)})
    first = next(end for end in ends if end > now and not quiet.covers(end))
    return first.astimezone(now.tzinfo)


def _ends(now: datetime, end: time, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield when the reader's clock shows `end`, in UTC; both times where an hour comes twice."""
    today = now.astimezone(zone).date()
    for days in range(-1, _HORIZON_DAYS):
        for fold in (0, 1):
            shown = datetime.combine(today + timedelta(days=days), end, tzinfo=zone)
            yield shown.replace(fold=fold).astimezone(UTC)


def _clock_changes(now: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield when the zone's offset changes within the horizon, in UTC, to the second."""
    before = now.astimezone(UTC).replace(microsecond=0)
    until = before + timedelta(days=_HORIZON_DAYS)
    while before < until:
        after = before + _STEP
        if _offset(before, zone) != _offset(after, zone):
            yield _change_between(before, after, zone)
        before = after


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before).total_seconds() // 2)
        if _offset(middle, zone) == _offset(before, zone):
            before = middle
        else:
            after = middle
    return after


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()
