"""Quiet hours: when a message that can wait may be sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

ALWAYS_NOW = frozenset({"security"})
SILENT_CHANNELS = frozenset({"email"})
"""A mail wakes nobody."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of day until another, perhaps past midnight, where the reader lives."""

    start: time
    end: time
    timezone: str


def due(now: datetime, quiet: QuietHours | None, *, category: str, channel: str) -> datetime:
    """When a message may go: now, or at the end of the quiet hours."""
    if quiet is None or category in ALWAYS_NOW or channel in SILENT_CHANNELS:
        return now
    local = now.astimezone(ZoneInfo(quiet.timezone))
    moment = local.timetz().replace(tzinfo=None)
    past_midnight = quiet.start > quiet.end
    if past_midnight:
        is_quiet = moment >= quiet.start or moment < quiet.end
    else:
        is_quiet = quiet.start <= moment < quiet.end
    if not is_quiet:
        return now
    day = local.date()
    if past_midnight and moment >= quiet.start:
        day += timedelta(days=1)
    end = datetime.combine(day, quiet.end, tzinfo=local.tzinfo)
    return end.astimezone(now.tzinfo)
