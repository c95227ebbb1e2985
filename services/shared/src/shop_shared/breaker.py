"""A circuit breaker: who fails is left alone for a while, then tried with one call.

It is fed kinds of outcome, not exceptions: its owner says of each call whether the other side
answered, failed, or whether the call says nothing of it (the caller hung up, sent too much, or the
work was cancelled). Only the other side's own failures open it.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Outcome(Enum):
    """What a call says of the side that was called."""

    ANSWERED = "answered"
    """It is there, whatever its answer says."""
    FAILED = "failed"
    """It gave no answer, or said that it is broken."""
    NEUTRAL = "neutral"
    """Nothing: the call ended for another reason."""


class TripRule(Protocol):
    """Decides by the outcomes so far when a closed breaker opens."""

    def trips(self, *, failed: bool, at: float) -> bool:
        """Count one outcome at a time in seconds, and say whether the breaker opens now."""

    def reset(self) -> None:
        """Forget what was counted: the other side has answered again."""


@dataclass
class ConsecutiveFailures:
    """Opens after this many failures in a row."""

    limit: int
    _count: int = 0

    def trips(self, *, failed: bool, at: float) -> bool:  # noqa: ARG002 - the protocol's
        """Count a failure, or start anew at an answer."""
        self._count = self._count + 1 if failed else 0
        return self._count >= self.limit

    def reset(self) -> None:
        """Start anew."""
        self._count = 0


@dataclass(kw_only=True)
class FailureShare:
    """Opens when `share` (0 to 1) of at least `minimum` calls of the last `seconds` failed.

    The last seconds slide: outcomes are counted in tenths of them.
    """

    share: float
    minimum: int
    seconds: float

    def __post_init__(self) -> None:
        self._slots: deque[list[float]] = deque()  # [start, calls, failed], oldest first

    def trips(self, *, failed: bool, at: float) -> bool:
        """Count a call's outcome."""
        while self._slots and self._slots[0][0] <= at - self.seconds:
            self._slots.popleft()
        if not self._slots or self._slots[-1][0] + self.seconds / 10 <= at:
            self._slots.append([at, 0, 0])
        self._slots[-1][1] += 1
        self._slots[-1][2] += failed
        calls = sum(slot[1] for slot in self._slots)
        failures = sum(slot[2] for slot in self._slots)
        return failed and calls >= self.minimum and failures >= calls * self.share

    def reset(self) -> None:
        """Start anew."""
        self._slots.clear()


class CircuitBreaker:
    """Closed until its rule trips; open for `open_seconds`; then lets one probe through at a time.

    A half-open probe that never reports back keeps the breaker open for one more interval; one that
    ends NEUTRAL makes room for the next at once. For one event loop; `clock` answers seconds and
    only ever grows.
    """

    def __init__(
        self, rule: TripRule, *, open_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rule = rule
        self._open_seconds = open_seconds
        self._clock = clock
        self._retry_at: float | None = None
        """When the next probe may start; None while closed."""

    @property
    def closed(self) -> bool:
        """Whether calls flow freely."""
        return self._retry_at is None

    def permits(self, wanted: int = 1) -> int:
        """Return how many of the wanted calls may start now: all, one probe, or none."""
        if self._retry_at is None:
            return wanted
        return 0 if self._clock() < self._retry_at else min(wanted, 1)

    def started(self) -> None:
        """Note that a call starts; on an open breaker it is the probe, and others wait on."""
        if self._retry_at is not None:
            self._retry_at = self._clock() + self._open_seconds

    def rest(self) -> float:
        """Return the seconds until a probe may start; 0 when one may now."""
        return 0.0 if self._retry_at is None else max(0.0, self._retry_at - self._clock())

    def record(self, outcome: Outcome) -> None:
        """Count how a call ended."""
        now = self._clock()
        if self._retry_at is None:
            if outcome is not Outcome.NEUTRAL and self._rule.trips(
                failed=outcome is Outcome.FAILED, at=now
            ):
                self._retry_at = now + self._open_seconds
            return
        match outcome:
            case Outcome.ANSWERED:
                self._retry_at = None
                self._rule.reset()
            case Outcome.FAILED:
                self._retry_at = now + self._open_seconds
            case Outcome.NEUTRAL:
                self._retry_at = now
