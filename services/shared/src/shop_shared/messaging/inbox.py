"""The inbox: which events a consumer group has had, written in the transaction of their effect.

So an event may arrive twice and still has its effect once. For MongoDB see `mongo`.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_shared.clock import now
from shop_shared.stores import postgres
from shop_shared.stores.columns import inserted_at

KEEP = timedelta(days=14)
"""Twice as long as topics keep events (7 days): nothing that can still arrive is forgotten."""


def inbox_table(metadata: sa.MetaData) -> sa.Table:
    """Add the table `inbox` to metadata: one row an event and consumer group."""
    return sa.Table(
        "inbox",
        metadata,
        sa.Column("consumer_group", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Text, primary_key=True),
        inserted_at("received_at"),
    )


_INSERT = sa.text("""
    INSERT INTO inbox (consumer_group, event_id)
    SELECT :consumer_group, id FROM unnest(CAST(:ids AS text[])) AS id
    ON CONFLICT DO NOTHING
    RETURNING event_id
""")


async def insert_new(connection: AsyncConnection, group: str, ids: Sequence[str]) -> set[str]:
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


class SqlInbox:
    """What a consumer group has seen, in PostgreSQL (see `dispatch.Inbox`)."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Begin a transaction of the engine."""
        return postgres.transaction(self._engine)

    async def insert_new(self, tx: AsyncConnection, group: str, ids: Sequence[str]) -> set[str]:
        """Insert all ids in one statement."""
        return await insert_new(tx, group, ids)

    def is_temporary(self, error: BaseException) -> bool:
        """See `postgres.is_temporary`."""
        return postgres.is_temporary(error)
