"""HTTP where strangers connect: who takes nothing of an answer for long is not waited for.

A client that stops to read would have its answer, and what it is read from, kept for ever. Between
services nobody is cut off: a service cannot know that its caller's caller is the slow one.
"""

import asyncio

from shop_shared.http.protocol import LimitedHttpProtocol

SEND_SECONDS = 120.0
"""In which a client has to take something. A proxy in front takes half its buffer at a time: with
1 MiB, one for a client of 5 kB/s pauses for less."""


class PublicHttpProtocol(LimitedHttpProtocol):
    """The protocol of the gateway and the storefront, given to their `Service`."""

    send_seconds = SEND_SECONDS

    _unsent = 0
    _taking: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """Watch a client that takes less than there is for it."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """Go on with a client that has taken nearly all."""
        self._stop_watching()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        self._stop_watching()
        super().connection_lost(exc)

    def _watch(self) -> None:
        self._stop_watching()
        self._unsent = self.transport.get_write_buffer_size()
        self._taking = self.loop.call_later(self.send_seconds, self._look)

    def _look(self) -> None:
        if self.transport.get_write_buffer_size() < self._unsent:
            self._watch()
        else:
            self.transport.abort()

    def _stop_watching(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None
