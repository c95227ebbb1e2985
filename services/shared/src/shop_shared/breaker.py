"""A circuit breaker: who fails is left alone for a while, then tried with one call."""

import time
from collections.abc import Callable


class CircuitBreaker:
    """Opens after `failures` in a row, rests `open_seconds`, then lets one probe through.

    A probe of which nothing more is heard costs one more rest. For one event loop; `clock` answers
    seconds and only ever grows.
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

    @property
    def closed(self) -> bool:
        """Whether calls flow freely."""
        return self._failures < self._limit

    def permits(self, wanted: int = 1) -> int:
        """How many of the wanted calls may start now: all, one probe, or none."""
        if self.closed:
            return wanted
        return 0 if self._clock() < self._retry_at else min(wanted, 1)

    def started(self) -> None:
        """Note that a call starts; on an open breaker it is the probe, and others wait on."""
        if not self.closed:
            self._retry_at = self._clock() + self._open_seconds

    def rest(self) -> float:
        """Seconds until a probe may start; 0 when one may now."""
        return 0.0 if self.closed else max(0.0, self._retry_at - self._clock())

    def succeeded(self) -> None:
        """Note an answer, whatever it says: the other side is there."""
        self._failures = 0

    def failed(self) -> None:
        """Note a call that got no answer."""
        self._failures += 1
        if not self.closed:
            self._retry_at = self._clock() + self._open_seconds
