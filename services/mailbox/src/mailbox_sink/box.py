"""What was "sent", newest last, and faults ordered for what comes next."""

from __future__ import annotations

import email
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from functools import cached_property
from itertools import count, islice


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


@dataclass(frozen=True)
class KeptMail:
    """A mail as it arrived, taken apart when it is read for the first time: few ever are."""

    number: int
    to: str
    raw: bytes
    channel: str = "email"
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def read(self) -> Kept:
        """The message that it is."""
        mail = email.message_from_bytes(self.raw, _class=EmailMessage, policy=default)
        return Kept(
            self.number,
            self.channel,
            self.to,
            str(mail["Subject"] or ""),
            _text(mail.get_body(("plain", "html"))),
            str(mail["Message-ID"] or ""),
            _text(mail.get_body(("html",))),
            str(mail["List-Unsubscribe"] or ""),
            self.at,
        )


def _text(part: object) -> str:
    return str(part.get_content()) if isinstance(part, EmailMessage) else ""


class Box:
    """Keeps the last messages of all channels."""

    def __init__(self, keep: int) -> None:
        self._messages: deque[Kept | KeptMail] = deque(maxlen=keep)
        self._numbers = count(1)
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
        kept = Kept(next(self._numbers), channel, to, subject, body, id_, html, unsubscribe)
        self._messages.append(kept)
        return kept

    def put_mail(self, *, to: str, raw: bytes) -> None:
        """Keep a mail."""
        self._messages.append(KeptMail(next(self._numbers), to, raw))

    def find(
        self, *, channel: str | None = None, to: str | None = None, limit: int | None = None
    ) -> list[Kept]:
        """Return messages, newest first."""
        found = (
            message
            for message in reversed(self._messages)
            if channel in {None, message.channel} and to in {None, message.to}
        )
        return [
            message.read if isinstance(message, KeptMail) else message
            for message in islice(found, limit)
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
