"""Tries at the present password of a signed-in account, counted before it is checked.

So any number of tries at once is bounded like any number one after another.
"""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared.clock import now
from shop_user.tables import password_tries

WINDOW = timedelta(minutes=15)


async def count(connection: AsyncConnection, user_id: UUID) -> tuple[int, timedelta]:
    """Count a try; return how many there were in the window, and how long it still is."""
    at = now()
    table = password_tries
    is_over = table.c.since <= at - WINDOW
    row = (
        await connection.execute(
            pg.insert(table)
            .values(user_id=user_id, tries=1, since=at)
            .on_conflict_do_update(
                index_elements=["user_id"],
                set_={
                    "tries": sa.case((is_over, 1), else_=table.c.tries + 1),
                    "since": sa.case((is_over, at), else_=table.c.since),
                },
            )
            .returning(table.c.tries, table.c.since)
        )
    ).one()
    return row.tries, row.since + WINDOW - at


async def take_back(connection: AsyncConnection, user_id: UUID) -> None:
    """Do not count a try whose password was not found wrong."""
    await connection.execute(
        sa.update(password_tries)
        .where(password_tries.c.user_id == user_id, password_tries.c.tries > 0)
        .values(tries=password_tries.c.tries - 1)
    )


async def forget(connection: AsyncConnection, user_id: UUID) -> None:
    """Forget all wrong passwords: the right one came."""
    await connection.execute(sa.delete(password_tries).where(password_tries.c.user_id == user_id))


async def purge(connection: AsyncConnection) -> int:
    """Delete the counts whose window is over and return how many rows."""
    old = password_tries.c.since < now() - WINDOW
    return (await connection.execute(sa.delete(password_tries).where(old))).rowcount
