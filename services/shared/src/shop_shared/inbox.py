"""The inbox: which events a consumer group has had, written in the transaction of their effect.

So an event may arrive twice and still has its effect once.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_shared import database
from shop_shared.clock import now

KEEP = timedelta(days=14)
"""Twice as long as topics keep events (7 days): nothing that can still arrive is forgotten."""

TxT = TypeVar("TxT")


def inbox_table(metadata: sa.MetaData) -> sa.Table:
    """Add the table `inbox` to metadata: one row an event and consumer group."""
    return sa.Table(
        "inbox",
        metadata,
        sa.Column("consumer_group", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.now(),
            index=True,
        ),
    )


_INSERT = sa.text("""
    INSERT INTO inbox (consumer_group, event_id)
    SELECT :consumer_group, id FROM unnest(CAST(:ids AS text[])) AS id
    ON CONFLICT DO NOTHING
    RETURNING event_id
""")


async def first_seen(connection: AsyncConnection, group: str, ids: Sequence[str]) -> set[str]:
    """Write the ids down for group and return those that were not there yet.

    Waits for another transaction that writes the same id. The ids are sorted first, so that two
    such transactions never wait for each other.
    """
    rows = await connection.execute(_INSERT, {"consumer_group": group, "ids": sorted(set(ids))})
    return set(rows.scalars())


async def purge(connection: AsyncConnection, *, keep: timedelta = KEEP) -> int:
    """Delete the rows older than keep and return how many."""
    result = await connection.execute(
        sa.text("DELETE FROM inbox WHERE received_at < :before"), {"before": now() - keep}
    )
    return result.rowcount


class Inbox(Protocol[TxT]):
    """Where a consumer keeps its effects and, in the same transaction, what it has seen."""

    def transaction(self) -> AbstractAsyncContextManager[TxT]:
        """Begin; commit at the end, roll back on any exception."""

    async def first_seen(self, tx: TxT, group: str, ids: Sequence[str]) -> set[str]:
        """Write the ids down and return those that were not there yet."""

    def is_temporary(self, error: BaseException) -> bool:
        """Say whether the store may be right again later, with nothing changed here."""


class SqlInbox:
    """PostgreSQL."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Begin a transaction of the engine."""
        return database.transaction(self._engine)

    async def first_seen(self, tx: AsyncConnection, group: str, ids: Sequence[str]) -> set[str]:
        """Insert all ids in one statement."""
        return await first_seen(tx, group, ids)

    def is_temporary(self, error: BaseException) -> bool:
        """See `database.is_temporary`."""
        return database.is_temporary(error)


class NoInbox:
    """For handlers that may run any number of times (a cache to drop); their Tx is None."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Begin nothing."""
        yield

    async def first_seen(self, tx: None, group: str, ids: Sequence[str]) -> set[str]:  # noqa: ARG002 - the protocol's
        """Take every event as new."""
        return set(ids)

    def is_temporary(self, error: BaseException) -> bool:
        """Say so of a connection that failed."""
        return isinstance(error, ConnectionError | TimeoutError)
