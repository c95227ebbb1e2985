"""Password resets: requests that wait for the worker, and tries at their codes.

Neither looks whether the address has an account, so neither costs more where it has one.
"""

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared.clock import now
from shop_shared.ids import uuid7
from shop_user.tables import reset_requests, reset_tries

CHANNEL = "password_resets"
"""NOTIFY's channel: a request was committed."""
KEEP = timedelta(days=1)


async def enqueue(connection: AsyncConnection, email: str) -> None:
    """Store a request for the worker and wake it at the commit."""
    await connection.execute(
        sa.insert(reset_requests).values(id=uuid7(), email=email, created_at=now())
    )
    await connection.execute(sa.select(sa.func.pg_notify(CHANNEL, "")))


async def take(connection: AsyncConnection) -> str | None:
    """Delete the oldest request and return its address; None if none waits.

    The caller works on it in the same transaction: rolled back, the request is there again.
    """
    oldest = (
        sa.select(reset_requests.c.id)
        .order_by(reset_requests.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    email: str | None = await connection.scalar(
        sa.delete(reset_requests)
        .where(reset_requests.c.id == oldest)
        .returning(reset_requests.c.email)
    )
    return email


async def count_try(connection: AsyncConnection, email_hash: bytes) -> int:
    """Count a try at the code of an address and return how many there were since the code.

    The row is locked until the transaction ends: tries at one address take turns.
    """
    tried = pg.insert(reset_tries).values(email_hash=email_hash, tries=1, since=now())
    count = await connection.scalar(
        tried.on_conflict_do_update(
            index_elements=["email_hash"], set_={"tries": reset_tries.c.tries + 1}
        ).returning(reset_tries.c.tries)
    )
    return int(count or 0)


async def lock_tries(connection: AsyncConnection, email_hash: bytes) -> None:
    """Lock the tries at an address, as `count_try` does first: no deadlock with it."""
    await connection.execute(
        sa.select(reset_tries.c.tries)
        .where(reset_tries.c.email_hash == email_hash)
        .with_for_update()
    )


async def forget_tries(connection: AsyncConnection, email_hash: bytes) -> None:
    """Forget the tries at an address: it has a new code."""
    await connection.execute(sa.delete(reset_tries).where(reset_tries.c.email_hash == email_hash))


async def purge(connection: AsyncConnection) -> int:
    """Delete the tries older than a day and return how many rows."""
    old = reset_tries.c.since < now() - KEEP
    return (await connection.execute(sa.delete(reset_tries).where(old))).rowcount
