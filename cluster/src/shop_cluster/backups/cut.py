"""One cut through all databases: no effect of an event is behind it whose cause is not.

Services meet only in events, and an event leaves a service only once it is committed to its
outbox. So while nobody can write to any outbox of PostgreSQL, snapshots of all databases are taken
one after the other, and of MongoDB's last. What is committed to an outbox after its snapshot is
committed after all snapshots, so none of them has its effect. Writers wait for that long:
milliseconds, and never longer than `LOCK_SECONDS` for a lock.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from shop_cluster.backups.postgres_server import Connection, PostgresServer
from shop_cluster.errors import ClusterError

Client = AsyncMongoClient[dict[str, Any]]
LOCK_SECONDS: Final = 5
"""For so long a transaction may hold an outbox before the backup gives up."""
_SYSTEM: Final = frozenset({"admin", "config", "local"})
# What Debezium captures, and outboxes that it is yet to be told of.
_OUTBOXES: Final = """
    SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_publication_tables
    UNION
    SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE tablename = 'outbox'
"""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Snapshots of one moment, readable until the block that made them ends.

    `postgres` has the name of each database's snapshot, as pg_dump takes it; reads of MongoDB in
    `session` see its snapshot; `collections` are those there were, by database, as
    listCollections tells them.
    """

    at: datetime
    waited: float
    """Seconds for which writers of events may have waited."""
    postgres: Mapping[str, str]
    session: AsyncClientSession
    collections: Mapping[str, Sequence[Mapping[str, Any]]]


@asynccontextmanager
async def cut_through(
    postgres: PostgresServer,
    mongodb: Client,
    *,
    only: Collection[str] | None = None,
) -> AsyncIterator[Cut]:
    """Take the snapshots of all databases, or `only` of those named.

    Raises:
        ClusterError: a store did not answer, or a transaction held an outbox for too long.

    """
    names = [name for name in await postgres.databases() if only is None or name in only]
    async with AsyncExitStack() as stack:
        # Both connections to each database first: a lock is held while none is being opened.
        locking = await _connections(stack, postgres, names)
        reading = await _connections(stack, postgres, names)
        outboxes = {
            name: [row["name"] for row in await connection.fetch(_OUTBOXES)]
            for name, connection in locking.items()
        }
        await _answers(mongodb)
        began = time.monotonic()
        try:
            await asyncio.gather(
                *(_lock(locking[name], name, tables) for name, tables in outboxes.items())
            )
            at = datetime.now(UTC)
            exported = await asyncio.gather(*map(_export, reading.values()))
            session, collections = await _snapshot_of(stack, mongodb, only)
        finally:
            # A connection that is gone has let go as well.
            await asyncio.gather(*map(_let_go, locking.values()))
        yield Cut(
            at=at,
            waited=time.monotonic() - began,
            postgres=dict(zip(names, exported, strict=True)),
            session=session,
            collections=collections,
        )


async def _connections(
    stack: AsyncExitStack, postgres: PostgresServer, names: Sequence[str]
) -> dict[str, Connection]:
    found = {}
    for name in names:
        found[name] = await postgres.connect(name)
        stack.push_async_callback(found[name].close)
    return found


async def _lock(connection: Connection, database: str, tables: Sequence[str]) -> None:
    """Let readers in and no writer, once those that write have ended."""
    await connection.execute(f"BEGIN; SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    for table in tables:
        try:
            await connection.execute(f"LOCK TABLE {table} IN SHARE MODE")
        except asyncpg.LockNotAvailableError:
            raise ClusterError(
                f"database {database}: a transaction has held {table} for {LOCK_SECONDS} s, and"
                " orders would wait with it; see pg_stat_activity for whose it is, and try again"
            ) from None


async def _export(connection: Connection) -> str:
    await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    name: str = await connection.fetchval("SELECT pg_export_snapshot()")
    return name


async def _let_go(connection: Connection) -> None:
    if not connection.is_closed():
        await connection.execute("ROLLBACK")


async def _answers(mongodb: Client) -> None:
    """Open the connection, which nobody is to wait for later."""
    try:
        await mongodb.admin.command("ping")
    except PyMongoError as error:
        raise ClusterError(f"MongoDB: {error}") from error


async def _snapshot_of(
    stack: AsyncExitStack, mongodb: Client, only: Collection[str] | None
) -> tuple[AsyncClientSession, dict[str, list[Mapping[str, Any]]]]:
    try:
        names = [
            name
            for name in sorted(await mongodb.list_database_names())
            if name not in _SYSTEM and (only is None or name in only)
        ]
        collections: dict[str, list[Mapping[str, Any]]] = {
            name: [
                found
                async for found in await mongodb[name].list_collections()
                if not found["name"].startswith("system.")
            ]
            for name in names
        }
        _check(collections)
        session = await stack.enter_async_context(mongodb.start_session(snapshot=True))
        first = next(
            (
                mongodb[database][each["name"]]
                for database, found in collections.items()
                for each in found
                if each["type"] == "collection"
            ),
            None,
        )
        if first is not None:
            # The first read decides on the moment that all later ones see.
            await first.find_one({}, session=session)
    except PyMongoError as error:
        raise ClusterError(f"MongoDB: {error}") from error
    return session, collections


def _check(collections: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Raise ClusterError for a collection that MongoDB does not read as of a moment."""
    for database, found in collections.items():
        for each in found:
            kind = "capped" if each["options"].get("capped") else each["type"]
            if kind not in {"collection", "view"}:
                raise ClusterError(
                    f"MongoDB, {database}.{each['name']}: a backup can't hold a {kind} collection"
                )
