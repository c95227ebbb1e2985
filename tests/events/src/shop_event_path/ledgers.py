"""An effect that shows each loss, repetition and disorder: per key, the numbers in the order heard.

The number is appended in the transaction of the inbox. A list that is not 0, 1, 2, … has the fault
written in it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_shared.messaging import mongo_events
from shop_shared.messaging.consumer import Inbox
from shop_shared.messaging.events import ReceivedEvent
from shop_shared.messaging.inbox import SqlInbox
from shop_shared.settings import ServiceSettings
from shop_shared.stores import mongo
from shop_shared.stores.postgres import create_engine, transaction


class Counted(BaseModel):
    """What the events say (see `outboxes.counted`)."""

    n: int


class Ledger(Protocol):
    """Where the effects are, beside the inbox."""

    @property
    def inbox(self) -> Inbox[Any]:
        """Of the same database."""

    async def write(self, tx: Any, event: ReceivedEvent, /) -> None:
        """Append the event's number; it is a `consumer.Handler`."""

    async def read(self) -> dict[str, list[int]]:
        """The numbers of each key, in the order of their effects."""


class SqlLedger:
    """In PostgreSQL."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.inbox = SqlInbox(engine)

    async def migrate(self) -> None:
        """Make the table, if it is missing."""
        async with transaction(self._engine) as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(1)"))
            await connection.execute(
                text("CREATE TABLE IF NOT EXISTS ledger (key text PRIMARY KEY, numbers int[])")
            )

    async def write(self, tx: AsyncConnection, event: ReceivedEvent) -> None:
        """Append the event's number; it is a `consumer.Handler`."""
        await tx.execute(
            text(
                "INSERT INTO ledger VALUES (:key, ARRAY[CAST(:n AS int)]) ON CONFLICT (key)"
                " DO UPDATE SET numbers = ledger.numbers || excluded.numbers"
            ),
            {"key": event.key, "n": event.parse(Counted).n},
        )

    async def read(self) -> dict[str, list[int]]:
        """The numbers of each key, in the order of their effects."""
        async with transaction(self._engine) as connection:
            rows = await connection.execute(text("SELECT key, numbers FROM ledger"))
            return {row.key: row.numbers for row in rows}


class MongoLedger:
    """In MongoDB."""

    def __init__(self, client: mongo.Client) -> None:
        self._ledger = client.get_default_database()["ledger"]
        self.inbox = mongo_events.MongoInbox(client, client.get_default_database())

    async def write(self, tx: mongo.Session, event: ReceivedEvent) -> None:
        """Append the event's number; it is a `consumer.Handler`."""
        await self._ledger.update_one(
            {"_id": event.key},
            {"$push": {"numbers": event.parse(Counted).n}},
            upsert=True,
            session=tx,
        )

    async def read(self) -> dict[str, list[int]]:
        """The numbers of each key, in the order of their effects."""
        return {entry["_id"]: entry["numbers"] async for entry in self._ledger.find()}


@asynccontextmanager
async def ledger(settings: ServiceSettings) -> AsyncIterator[Ledger]:
    """The ledger in the database of these settings."""
    url = settings.database_url.get_secret_value() if settings.database_url else ""
    if url.startswith("mongodb:"):
        async with mongo.create_client(settings) as client:
            yield MongoLedger(client)
        return
    engine = create_engine(settings)
    try:
        sql = SqlLedger(engine)
        await sql.migrate()
        yield sql
    finally:
        await engine.dispose()
