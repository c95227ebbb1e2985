"""A circuit breaker: a provider that fails is left alone for a while, then tried with one call."""

from __future__ import annotations

import time
from collections.abc import Callable


class CircuitBreaker:
    """Opens after `failures` in a row, rests `open_seconds`, then lets one probe through.

    For one event loop; `clock` answers seconds and only ever grows.
    """

    def __init__(
        self,
        *,
        failures: int,
        open_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = failures
        self._open_seconds = open_seconds
        self._clock = clock
        self._failures = 0
        self._retry_at = 0.0
        self._probing = False

    @property
    def closed(self) -> bool:
        """Whether calls flow freely."""
        return self._failures < self._limit

    def permits(self, wanted: int) -> int:
        """How many of the wanted calls may start now: all, one probe, or none."""
        if self.closed:
            return wanted
        if self._probing or self._clock() < self._retry_at:
            return 0
        return min(wanted, 1)

    def started(self) -> None:
        """Note that a call starts; on an open breaker it is the probe."""
        self._probing = not self.closed

    def rest(self) -> float:
        """Seconds until a probe may start; 0 when one may now."""
        return 0.0 if self.closed else max(0.0, self._retry_at - self._clock())

    def succeeded(self) -> None:
        """Note an answer, whatever it says: the provider is there."""
        self._failures = 0
        self._probing = False

    def failed(self) -> None:
        """Note a call that got no answer."""
        self._failures += 1
        self._probing = False
        if not self.closed:
            self._retry_at = self._clock() + self._open_seconds
