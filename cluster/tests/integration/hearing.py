"""Services that hear of each other's events, and what one heard that the other never said."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from pymongo import AsyncMongoClient
from shop_servers.servers import Database

from shop_cluster.backups.postgres_server import PostgresServer

Client = AsyncMongoClient[dict[str, Any]]
BETWEEN = 0.01
"""Seconds between two events of a service: few enough that each is heard at once."""


@asynccontextmanager
async def connected(database: Database) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database.url)
    try:
        yield connection
    finally:
        await connection.close()


class SqlService:
    """Commits events to its outbox all the time, and writes down which it heard of others."""

    def __init__(self, database: Database) -> None:
        self.name = database.name
        self._database = database

    async def write(self) -> None:
        async with connected(self._database) as connection:
            for number in itertools.count():
                await connection.execute("INSERT INTO outbox VALUES ($1)", number)
                await asyncio.sleep(BETWEEN)

    async def events(self) -> AsyncIterator[str]:
        seen = -1
        async with connected(self._database) as connection:
            while True:
                query = "SELECT id FROM outbox WHERE id > $1 ORDER BY id"
                for row in await connection.fetch(query, seen):
                    seen = row["id"]
                    yield f"{self.name}:{seen}"
                await asyncio.sleep(0)

    async def hear(self, events: AsyncIterator[str]) -> None:
        async with connected(self._database) as connection:
            async for event in events:
                await connection.execute("INSERT INTO inbox VALUES ($1)", event)


class DocumentService:
    """The same on MongoDB."""

    def __init__(self, database: Database, client: Client) -> None:
        self.name = database.name
        self._database = client[database.name]

    async def write(self) -> None:
        for number in itertools.count():
            await self._database["outbox"].insert_one({"_id": number})
            await asyncio.sleep(BETWEEN)

    async def events(self) -> AsyncIterator[str]:
        async with await self._database["outbox"].watch() as changes:
            async for change in changes:
                yield f"{self.name}:{change['documentKey']['_id']}"

    async def hear(self, events: AsyncIterator[str]) -> None:
        async for event in events:
            await self._database["inbox"].insert_one({"_id": event})


@asynccontextmanager
async def hearing_of_each_other(*services: SqlService | DocumentService) -> AsyncIterator[None]:
    """Let each service hear of each event of the others, sooner than Debezium would carry it."""
    tasks = [asyncio.create_task(service.write()) for service in services]
    tasks += [
        asyncio.create_task(hearer.hear(speaker.events()))
        for speaker, hearer in itertools.permutations(services, 2)
    ]
    try:
        await asyncio.sleep(1)
        yield
        # One that failed would hear nothing, and prove nothing.
        assert not any(task.done() for task in tasks), tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def effects_without_cause(
    server: PostgresServer, client: Client, sql: list[str], documents: str
) -> tuple[int, list[str]]:
    """Return how many events were heard, and those whose service knows nothing of them."""
    sent: dict[str, set[str]] = {}
    heard: list[str] = []
    for name in sql:
        connection = await server.connect(name)
        sent[name] = {str(row[0]) for row in await connection.fetch("SELECT id FROM public.outbox")}
        heard += [row[0] for row in await connection.fetch("SELECT id FROM public.inbox")]
        await connection.close()
    sent[documents] = {str(each["_id"]) async for each in client[documents]["outbox"].find()}
    heard += [each["_id"] async for each in client[documents]["inbox"].find()]
    unknown = [one for one in heard if one.split(":")[1] not in sent[one.split(":")[0]]]
    return len(heard), unknown
