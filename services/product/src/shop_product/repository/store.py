"""One unit of work in MongoDB, tried again when it loses a race."""

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pymongo.errors import PyMongoError, ServerSelectionTimeoutError

from shop_shared.clock import now
from shop_shared.http.problems import Unavailable
from shop_shared.stores import mongo

T = TypeVar("T")

_WRITERS = 4
_PATIENCE_S = 15
_FIRST_PAUSE_S = 0.004
_DOUBLINGS = 6
_BUSY = "too many changes at once; try again in a moment"


def moment() -> datetime:
    """Return the time as MongoDB keeps it: in milliseconds."""
    at = now()
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


@dataclass(frozen=True)
class Tx:
    """A transaction under way, and the database it works in."""

    session: mongo.Session
    database: mongo.Database

    @classmethod
    def of(cls, session: mongo.Session) -> "Tx":
        """Work in the database that the client's URL names."""
        return cls(session, session.client.get_default_database())


class Store:
    """The service's database.

    MongoDB does not queue writers of one document: the second is told to start over. So few write
    at a time in one process, first come first served, and a loser starts over after a random pause
    that grows: a crowd at one product then costs a queue, and not a storm.
    """

    def __init__(self, client: mongo.Client) -> None:
        self.client = client
        self.database: mongo.Database = client.get_default_database()
        self._turns = asyncio.Semaphore(_WRITERS)

    async def transaction(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run ``work`` in a transaction and return what it returns.

        Raises ``Unavailable`` when it waited for its turn, or lost races, for 15 seconds in all.
        """
        deadline = time.monotonic() + _PATIENCE_S
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._turns.acquire()
        except TimeoutError as error:
            raise Unavailable(_BUSY) from error
        try:
            return await self._until_won(work, deadline)
        finally:
            self._turns.release()

    async def _until_won(self, work: Callable[[Tx], Awaitable[T]], deadline: float) -> T:
        for attempt in itertools.count():
            try:
                async with mongo.transaction(self.client) as session:
                    return await work(Tx(session, self.database))
            except PyMongoError as error:
                # The driver has looked for a server for ten seconds: another look is the caller's.
                if isinstance(error, ServerSelectionTimeoutError):
                    raise
                if not error.has_error_label("TransientTransactionError"):
                    raise
                if time.monotonic() > deadline:
                    raise Unavailable(_BUSY) from error
            pause = _FIRST_PAUSE_S * 2 ** min(attempt, _DOUBLINGS)
            await asyncio.sleep(random.uniform(pause / 2, pause * 1.5))  # noqa: S311 - jitter
        raise AssertionError("unreachable: the loop has no end of its own")
