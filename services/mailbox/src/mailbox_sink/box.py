"""What was "sent", newest last, and faults ordered for what comes next."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as it arrived."""

    number: int
    channel: str
    to: str
    subject: str
    body: str
    id: str
    html: str = ""
    unsubscribe: str = ""
    """The mail's List-Unsubscribe."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class Box:
    """Keeps the last messages of all channels."""

    def __init__(self, keep: int) -> None:
        self._messages: deque[Kept] = deque(maxlen=keep)
        self._count = 0
        self._refusals: Counter[tuple[str, bool]] = Counter()

    def put(  # noqa: PLR0913 - keyword-only, each of its own kind
        self,
        *,
        channel: str,
        to: str,
        subject: str,
        body: str,
        id_: str,
        html: str = "",
        unsubscribe: str = "",
    ) -> Kept:
        """Keep a message."""
        self._count += 1
        kept = Kept(self._count, channel, to, subject, body, id_, html, unsubscribe)
        self._messages.append(kept)
        return kept

    def find(self, *, channel: str | None = None, to: str | None = None) -> list[Kept]:
        """Return messages, newest first."""
        return [
            message
            for message in reversed(self._messages)
            if channel in {None, message.channel} and to in {None, message.to}
        ]

    def clear(self) -> None:
        """Throw all away, faults too."""
        self._messages.clear()
        self._refusals.clear()

    def refuse(self, channel: str, *, times: int, for_good: bool) -> None:
        """Refuse the next messages of a channel."""
        self._refusals[channel, for_good] += times

    def refusal(self, channel: str) -> bool | None:
        """Say whether this message is refused for good (True), for now (False) or not (None)."""
        for for_good in (False, True):
            if self._refusals[channel, for_good] > 0:
                self._refusals[channel, for_good] -= 1
                return for_good
        return None
