"""kill -9 of each server on the path while events flow: none is lost, each has its effect once."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from shop_event_path import topics
from shop_event_path.connectors import Connectors, connectors
from shop_event_path.ledgers import Ledger, ledger
from shop_event_path.outboxes import TYPE, PostgresOutbox, counted, create_postgres
from shop_servers.server_set import ServerSet
from sqlalchemy import text

from shop_shared.messaging.consumer import consume
from shop_shared.stores.postgres import is_temporary

KEYS = ("one", "two", "three")


def in_order(count: int) -> dict[str, list[int]]:
    return {key: list(range(count)) for key in KEYS}


class Flow:
    """Events published without end, captured, and consumed into a ledger."""

    def __init__(self, outbox: PostgresOutbox, book: Ledger) -> None:
        self.outbox = outbox
        self.book = book
        self.published = 0

    async def publish(self) -> None:
        """One number after the other, each committed once, whatever the store does."""
        while True:
            events = [counted(self.outbox.name, self.published, key=key) for key in KEYS]
            while True:
                try:
                    # When the answer to a commit was lost, the event is there all the same.
                    if not await self._is_committed(str(events[0].id)):
                        await self.outbox.publish(events)
                    break
                except Exception as error:
                    if not is_temporary(error):
                        raise
                    await asyncio.sleep(0.2)
            self.published += 1
            await asyncio.sleep(0.02)

    async def _is_committed(self, event_id: str) -> bool:
        async with self.outbox.engine.connect() as connection:
            found = await connection.execute(
                text("SELECT 1 FROM outbox WHERE id = :id"), {"id": event_id}
            )
            return found.first() is not None

    async def committed(self) -> int:
        """How many numbers of each key are in the outbox."""
        async with self.outbox.engine.connect() as connection:
            found = await connection.execute(text("SELECT count(*) FROM outbox"))
            return int(found.scalar_one()) // len(KEYS)

    async def heard(self, count: int) -> None:
        """Wait until the ledger has so many numbers of each key."""
        async with asyncio.timeout(240):
            while len(KEYS) > sum(len(n) >= count for n in (await self.read()).values()):
                await asyncio.sleep(0.2)

    async def read(self) -> dict[str, list[int]]:
        try:
            return await self.book.read()
        except Exception as error:
            if is_temporary(error):
                return {}
            raise


@asynccontextmanager
async def running(*jobs: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(job()) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended


@pytest.fixture
async def flow(breakable: ServerSet) -> AsyncIterator[Flow]:
    facts = await asyncio.to_thread(breakable.need, "postgres", "connect")
    bootstrap = facts["connect"]["bootstrap_servers"]
    outbox = await create_postgres(facts["postgres"]["url"], bootstrap)
    await topics.create(bootstrap, outbox.topic)
    api: Connectors
    async with ledger(outbox.settings) as book, connectors(facts["connect"]["url"]) as api:
        await api.start(outbox)

        async def listen() -> None:
            await consume(
                outbox.settings,
                group=f"{outbox.name}-ledger",
                topics=[outbox.topic],
                handlers={TYPE: book.write},
                inbox=book.inbox,
            )

        flow = Flow(outbox, book)
        async with running(listen):
            async with running(flow.publish):
                yield flow
            committed = await flow.committed()
            await flow.heard(committed)
            assert await book.read() == in_order(committed)
        await api.delete(outbox)
    await outbox.drop()


@pytest.mark.parametrize(
    ("server", "seconds"),
    [("connect", 1), ("postgres", 1), ("kafka", 30)],
)
async def test_a_server_killed_loses_and_repeats_nothing(
    breakable: ServerSet, flow: Flow, server: str, seconds: float
) -> None:
    """Whether nothing is lost or repeated is seen when the flow ends, in its fixture."""
    await flow.heard(20)
    await asyncio.to_thread(breakable.send, server, signal.SIGKILL)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(breakable.need, "postgres", "connect")
    await flow.heard(flow.published + 20)
