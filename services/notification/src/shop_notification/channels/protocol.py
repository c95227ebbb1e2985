"""What every channel looks like to the sender, and who is to blame when it takes no message."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol
from uuid import UUID


class Blame(Enum):
    """Whether another attempt can succeed."""

    PERMANENT = "permanent"
    """No attempt ever will: no such address, the message refused for good."""
    TEMPORARY = "temporary"
    """A later one may: a time-out, a lost connection, the receiver overloaded, or our own
    credentials refused, which is not the message's fault."""


class SendError(Exception):
    """A message was not taken."""

    def __init__(self, detail: str, *, blame: Blame, is_gone: bool = False) -> None:
        """Take what the receiver said; `is_gone`: the address itself is no more."""
        super().__init__(detail)
        self.blame = blame
        self.is_gone = is_gone


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A rendered message; its id is the same at every attempt: receivers can tell repetitions."""

    id: UUID
    destination: str
    subject: str
    short: str
    body: str
    """Plain text."""
    html: str | None = None
    unsubscribe_url: str | None = None


class Channel(Protocol):
    """A way to reach somebody."""

    async def send(self, message: Message) -> str:
        """Hand the message over; return the receiver's own id of it. Raises SendError.

        Any other exception counts as TEMPORARY.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
