"""Durable work: rows of a service's own table that are worked on outside of any transaction.

A row is enqueued in the transaction that wants the work, and open until it is settled. To claim it
is to move its due time past a lease, in one statement that skips rows which others have locked
(`FOR UPDATE SKIP LOCKED`). What a dead worker held is due again when the lease ends, marked as work
that may have had its effect (`unknown_since`). Rows of one key are worked on one at a time, in the
order of their ids. A settlement counts only while the claim holds: a worker that outlived its lease
changes nothing.

`enqueue` sends a NOTIFY at the commit (see `pg_notify`); `background.work_off` waits for it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from prometheus_client import Gauge
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_shared.background import every
from shop_shared.stores.postgres import is_temporary

MEASURE_SECONDS = 15.0
_open = Gauge("durable_work_open", "Rows of work that are not settled", ["queue"])
_overdue = Gauge(
    "durable_work_overdue_seconds", "How long the oldest due row has waited for a worker", ["queue"]
)


def is_one_of(column: sa.ColumnElement[str], *values: str) -> sa.ColumnElement[bool]:
    """Compare with constants of the code, written out: a partial index needs to see them."""
    return column.in_([sa.literal_column(f"'{value}'") for value in values])


class WorkTable:
    """The columns that make rows of a table work. The table has an `id` (UUIDv7)."""

    def __init__(  # noqa: PLR0913 - keyword-only, each of its own kind
        self,
        table: sa.Table,
        *,
        name: str,
        is_open: Callable[[sa.FromClause], sa.ColumnElement[bool]],
        due_at: str = "due_at",
        attempts: str | None = "attempts",
        key: str | None = None,
        lane: str | None = None,
        unknown_since: str | None = None,
        on_claim: Mapping[str, Any] | None = None,
    ) -> None:
        """Take the names of the columns.

        Name: of the queue in metrics, and NOTIFY's channel, whose payload is the lane. Attempts:
        counts claims; None where a claim is no attempt. Key: rows with the same one take turns.
        Lane: which rows a worker claims. On_claim: what else a claim sets.
        """
        self.name = name
        self._table, self._due_at, self._lane = table, table.c[due_at], lane
        self._attempts = None if attempts is None else table.c[attempts]
        self._unknown_since = unknown_since
        self._is_open = is_open(table)
        self._on_claim = dict(on_claim or {})
        due = sa.select(table.c.id).where(self._is_open, self._due_at <= sa.func.now())
        if lane is not None:
            due = due.where(table.c[lane] == sa.bindparam("work_lane"))
        if key is not None:
            earlier = table.alias("earlier")
            is_before = sa.and_(earlier.c[key] == table.c[key], earlier.c.id < table.c.id)
            due = due.where(~sa.exists().where(is_open(earlier), is_before))
        if unknown_since is not None:
            due = due.add_columns(table.c[unknown_since])
        due = (
            due.order_by(self._due_at)
            .limit(sa.bindparam("work_limit"))
            .with_for_update(skip_locked=True, of=table)
        )
        self.claimed = self._claim(due)
        """The rows that `claim` took, to be selected from and joined.

        With `unknown_before`, where there is `unknown_since`: its value before this claim.
        """
        holds = [table.c.id == sa.bindparam("work_id", type_=sa.Uuid), self._is_open]
        if self._attempts is not None:
            holds.append(self._attempts == sa.bindparam("work_attempt", type_=sa.Integer))
        again_at = sa.func.now() + _interval("again_after")
        self.settlement = (
            sa.update(table)
            .where(*holds)
            .values({self._due_at: sa.func.coalesce(again_at, self._due_at)})
        )
        """The statement of `settle`."""
        self._inserts: dict[frozenset[str], sa.Select[Any]] = {}

    def claim_where(self, *conditions: sa.ColumnElement[bool]) -> sa.CTE:
        """Return the open rows that meet the conditions, claimed when selected from, due or not.

        The statement has a parameter `work_lease`. Rows are locked in the order of their ids.
        """
        rows = sa.select(self._table.c.id).where(self._is_open, *conditions)
        return self._claim(rows.order_by(self._table.c.id).with_for_update())

    async def enqueue(self, connection: AsyncConnection, **row: Any) -> UUID | None:  # noqa: ANN401 - columns
        """Insert a row and wake the workers at the commit.

        Return its id, or None where a unique index says that the work is there already.
        """
        columns = frozenset(row)
        insert = self._inserts.get(columns)
        if insert is None:
            insert = self._inserts[columns] = self._insert(row)
        stored = await connection.execute(
            insert, {f"new_{name}": value for name, value in row.items()}
        )
        new: UUID | None = stored.scalars().one_or_none()
        return new

    async def claim(
        self,
        connection: AsyncConnection,
        *,
        limit: int,
        lease: timedelta,
        lane: str | None = None,
        rows: sa.Select[Any] | None = None,
    ) -> Sequence[sa.Row[Any]]:
        """Claim due rows, the longest due first; `rows` selects from `claimed` what is returned."""
        values: dict[str, Any] = {"work_limit": limit, "work_lease": lease}
        if self._lane is not None:
            values["work_lane"] = lane
        statement = sa.select(self.claimed) if rows is None else rows
        return (await connection.execute(statement, values)).all()

    async def settle(
        self,
        connection: AsyncConnection,
        work_id: UUID,
        *,
        attempt: int,
        again_after: timedelta | None = None,
        **changes: Any,  # noqa: ANN401 - columns
    ) -> bool:
        """Write what came of the work, which is due again where `again_after` says when.

        False, and nothing is written, where the claim was lost.
        """
        values = {"work_id": work_id, "work_attempt": attempt, "again_after": again_after}
        return bool((await connection.execute(self.settlement, values | changes)).rowcount)

    async def measure(self, engine: AsyncEngine) -> None:
        """Publish depth and age of the queue every MEASURE_SECONDS, until cancelled."""
        work = partial(self.measure_once, engine)
        await every(MEASURE_SECONDS, work, is_temporary=is_temporary)

    async def measure_once(self, engine: AsyncEngine) -> None:
        """Set the metrics `durable_work_open` and `durable_work_overdue_seconds`."""
        overdue = sa.extract("epoch", sa.func.now() - sa.func.min(self._due_at))
        statement = sa.select(sa.func.count(), sa.func.greatest(overdue, 0)).where(self._is_open)
        async with engine.connect() as connection:
            count, seconds = (await connection.execute(statement)).one()
        _open.labels(self.name).set(count)
        _overdue.labels(self.name).set(float(seconds or 0))

    def _claim(self, rows: sa.Select[Any]) -> sa.CTE:
        table, due = self._table, rows.cte("due")
        changes: dict[Any, Any] = {self._due_at: sa.func.now() + _interval("work_lease")}
        returned: list[sa.ColumnElement[Any]] = list(table.c)
        if self._attempts is not None:
            changes[self._attempts] = self._attempts + 1
        if self._unknown_since is not None and self._unknown_since in due.c:
            since = table.c[self._unknown_since]
            changes[since] = sa.func.coalesce(since, sa.func.now())
            returned.append(due.c[self._unknown_since].label("unknown_before"))
        return (
            sa.update(table)
            .where(table.c.id == due.c.id)
            .values({**changes, **{table.c[name]: to for name, to in self._on_claim.items()}})
            .returning(*returned)
            .cte("claimed")
        )

    def _insert(self, row: Mapping[str, Any]) -> sa.Select[Any]:
        # Put together once for each set of columns: that is a good part of what an insert costs.
        columns = [self._table.c[name] for name in row]
        new = (
            pg.insert(self._table)
            .values(
                {
                    column: sa.bindparam(f"new_{column.name}", type_=column.type)
                    for column in columns
                }
            )
            .on_conflict_do_nothing()
            .returning(self._table.c.id)
            .cte("new")
        )
        lane = sa.literal("") if self._lane is None else sa.bindparam(f"new_{self._lane}")
        return sa.select(new.c.id, sa.func.pg_notify(self.name, lane))


def _interval(name: str) -> sa.BindParameter[timedelta]:
    return sa.bindparam(name, type_=sa.Interval)
