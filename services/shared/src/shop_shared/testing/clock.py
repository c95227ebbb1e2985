"""A clock that moves only when told."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Call it for the time (a `clock.Clock`); `advance` moves it."""

    def __init__(self, at: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """Return the time."""
        return self.at

    def advance(self, by: timedelta) -> None:
        """Move the clock on."""
        self.at += by

    def timestamp(self) -> float:
        """Return the time in seconds since 1970, as `tokens.TokenVerifier` wants it."""
        return self.at.timestamp()
