"""Room for a service's requests: so many are under way, some more wait briefly, others are refused.

A service that is asked for more than it can do answers everybody too late. Refused at once, the
surplus costs next to nothing, and who is let in is served in time (load shedding). It is not known
beforehand what a service can do; but of more requests at once than it has use for, none is faster.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


class NoRoomError(Exception):
    """As many requests as may be are under way, and enough wait or this one has waited enough."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How many requests of a kind may be under way and wait, for each pod; seconds that one waits.

    The kinds are reads and all others.
    """

    at_once: int = 64
    waiting: int = 128
    wait_seconds: float = 2.0


class Room:
    """The requests of one kind that one service is busy with; first come, first served."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pods = 1
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def resize(self, pods: int) -> None:
        """Have room for so many pods; for one while none is known, so that its calls can tell."""
        self._pods = max(1, pods)
        self._admit()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Take a place, waiting for it if need be, and give it back. Raises NoRoomError."""
        if self._taken < self._limits.at_once * self._pods:
            self._taken += 1
        elif len(self._waiting) < self._limits.waiting * self._pods:
            await self._wait()
        else:
            raise NoRoomError
        try:
            yield
        finally:
            self._leave()

    async def _wait(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._limits.wait_seconds):
                await turn
        except BaseException as error:
            if not turn.cancelled():  # its turn came just then
                self._leave()
            elif turn in self._waiting:
                self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise NoRoomError from None
            raise

    def _leave(self) -> None:
        self._taken -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._taken < self._limits.at_once * self._pods:
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)
