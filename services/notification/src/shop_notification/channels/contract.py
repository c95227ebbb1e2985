"""What every channel looks like to the sender."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


class SendError(Exception):
    """A message was not taken."""


class TryAgainError(SendError):
    """A later try may succeed: time-out, connection lost, 4xx of SMTP, 429 and 5xx of HTTP."""


class UndeliverableError(SendError):
    """No try ever will: no such address, refused for good."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A rendered message; its id is the same at every try: receivers can tell repetitions."""

    id: UUID
    destination: str
    subject: str
    short: str
    body: str


class Channel(Protocol):
    """A way to reach somebody."""

    async def send(self, message: Message) -> str:
        """Hand the message over; answer the receiver's own id of it. Raises SendError."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
