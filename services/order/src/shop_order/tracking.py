"""Following orders live, at a bounded cost.

However many clients follow orders of this process, one query an interval asks for the versions of
all of them; only an order that has changed is read. There is nothing to do when nobody follows,
nothing is added to the writes (as NOTIFY would), and any replica can serve any client.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_order import repository
from shop_order.settings import Settings
from shop_shared.clock import now
from shop_shared.http.problems import TooManyRequests
from shop_shared.stores.postgres import is_temporary

_log = structlog.get_logger(__name__)


class TooManyStreams(TooManyRequests):
    """This process follows as many orders as it may.

    Not a 503: callers can cause it, and the gateway would take this service for broken.
    """

    code, title = "too_many_streams", "Too many live streams"


class Tracker:
    """The orders followed in this process."""

    def __init__(self, engine: AsyncEngine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._known: dict[UUID, int] = {}
        self._followers: defaultdict[UUID, set[asyncio.Event]] = defaultdict(set)
        self._followed = asyncio.Event()
        self._stopping = False
        self.streams = 0

    async def run(self) -> None:
        """Look at the followed orders, for as long as the process lives."""
        while True:
            await self._followed.wait()
            await asyncio.sleep(self._settings.tracking_interval_seconds)
            try:
                await self._look()
            except Exception as error:
                if not is_temporary(error):
                    raise
                _log.warning("cannot look at followed orders", error=repr(error))

    def stop(self) -> None:
        """End every stream now: its client connects again, to a process that stays."""
        self._stopping = True
        for changes in self._followers.values():
            for changed in changes:
                changed.set()

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold room for one stream, from before it begins. Raises TooManyStreams for want of it."""
        if self.streams >= self._settings.tracking_streams:
            raise TooManyStreams(retry_after=5)
        self.streams += 1
        try:
            yield
        finally:
            self.streams -= 1

    async def follow(self, order_id: UUID, *, after: int) -> AsyncGenerator[sa.Row[Any], None]:
        """Yield the entries of an order's history that follow `after`, as they come.

        Ends when the order is settled, after `tracking_seconds`, or with the process.
        """
        until = now().timestamp() + self._settings.tracking_seconds
        with self._following(order_id) as changed:
            while not self._stopping and (left := until - now().timestamp()) > 0:
                changed.clear()
                async with self._engine.connect() as connection:
                    entries = await repository.history(connection, order_id, after=after)
                    order = await repository.find(connection, order_id, customer_id=None)
                for entry in entries:
                    yield entry
                    after = entry.seq
                if order is None or (order.settled and after >= order.version):
                    return
                try:
                    async with asyncio.timeout(left):
                        await changed.wait()
                except TimeoutError:
                    return

    async def _look(self) -> None:
        async with self._engine.connect() as connection:
            current = await repository.versions(connection, list(self._followers))
        for order_id, version in current.items():
            if self._known.get(order_id) != version:
                for follower in self._followers.get(order_id, ()):
                    follower.set()
        self._known = {id_: current[id_] for id_ in current if id_ in self._followers}

    @contextmanager
    def _following(self, order_id: UUID) -> Iterator[asyncio.Event]:
        changed = asyncio.Event()
        self._followers[order_id].add(changed)
        self._followed.set()
        try:
            yield changed
        finally:
            self._followers[order_id].discard(changed)
            if not self._followers[order_id]:
                del self._followers[order_id]
            if not self._followers:
                self._followed.clear()
