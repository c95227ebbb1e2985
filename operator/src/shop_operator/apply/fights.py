"""Fights over a field: another manager sets it again each time that it was put right.

The first corrections come at once. From then on each waits twice as long as the one before, until
the other side has been quiet for a while.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FREE_CORRECTIONS: Final = 3
_FIRST_SECONDS: Final = 2.0
_LONGEST_SECONDS: Final = 300.0
_QUIET_SECONDS: Final = 60.0
_SWEEP_AT: Final = 1000

Field = tuple[object, ...]
"""A child's identity and the path of its field."""


@dataclass(slots=True)
class _Fight:
    corrections: int
    last: float


class Fights:
    """How often each field was put right lately."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._fights: dict[Field, _Fight] = {}
        self._fields: defaultdict[object, set[Field]] = defaultdict(set)

    def seconds_left(self, field: Field) -> float:
        """Return how long the next correction of a field has to wait; 0 for now."""
        fight = self._current(field)
        if fight is None:
            return 0.0
        return max(0.0, fight.last + _pause(fight) - self._clock())

    def record(self, field: Field) -> None:
        """Count a correction."""
        fight = self._current(field)
        if len(self._fights) > _SWEEP_AT:
            for each in list(self._fights):
                self._current(each)
        count = 1 if fight is None else fight.corrections + 1
        self._fights[field] = _Fight(count, self._clock())
        self._fields[field[0]].add(field)

    def is_fought_over(self, field: Field) -> bool:
        """Return True if a field is put right less often than it is changed."""
        fight = self._current(field)
        return fight is not None and fight.corrections >= FREE_CORRECTIONS

    def quiet_after(self, field: Field) -> float:
        """Return the seconds after which the fight is over, if the field stays as it is."""
        fight = self._current(field)
        return 0.0 if fight is None else fight.last + _quiet(fight) - self._clock()

    def is_known(self, field: Field) -> bool:
        """Return True if a field was put right lately."""
        return self._current(field) is not None

    def of(self, child: object) -> list[Field]:
        """Return the fields of a child that are fought over."""
        fields = self._fields.get(child, ())
        return [field for field in list(fields) if self.is_fought_over(field)]

    def _current(self, field: Field) -> _Fight | None:
        """Return the fight, forgotten if it was quiet for long enough."""
        fight = self._fights.get(field)
        if fight is not None and self._clock() - fight.last > _quiet(fight):
            del self._fights[field]
            self._fields[field[0]].discard(field)
            if not self._fields[field[0]]:
                del self._fields[field[0]]
            return None
        return fight


def _pause(fight: _Fight) -> float:
    beyond = fight.corrections - FREE_CORRECTIONS
    return 0.0 if beyond < 0 else min(_LONGEST_SECONDS, _FIRST_SECONDS * 2 ** min(beyond, 16))


def _quiet(fight: _Fight) -> float:
    return max(_QUIET_SECONDS, 2 * _pause(fight))
