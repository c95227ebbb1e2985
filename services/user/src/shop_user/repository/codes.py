"""Codes that were sent: stored hashed, deleted after a day."""

from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared.clock import now
from shop_user.tables import codes

Purpose = Literal["email", "phone", "password_reset", "email_change"]
Row = dict[str, Any]


async def sent_lately(connection: AsyncConnection, user_id: UUID, purpose: Purpose) -> int:
    """Return how many codes went out in the last hour."""
    count = await connection.scalar(
        sa.select(sa.func.count())
        .select_from(codes)
        .where(
            codes.c.user_id == user_id,
            codes.c.purpose == purpose,
            codes.c.created_at > now() - timedelta(hours=1),
        )
    )
    return count or 0


async def insert(connection: AsyncConnection, row: Row) -> None:
    """Keep a new code; those before it no longer count."""
    await connection.execute(
        sa.update(codes)
        .where(
            codes.c.user_id == row["user_id"],
            codes.c.purpose == row["purpose"],
            codes.c.used_at.is_(None),
        )
        .values(used_at=now())
    )
    await connection.execute(sa.insert(codes).values(tries=0, created_at=now(), **row))


async def try_latest(
    connection: AsyncConnection, user_id: UUID, purpose: Purpose, *, max_tries: int
) -> Row | None:
    """Count a try at the code that still counts and return it; None when there is none.

    The row is held: of many tries at once each counts.
    """
    latest = (
        sa.select(codes.c.id)
        .where(
            codes.c.user_id == user_id,
            codes.c.purpose == purpose,
            codes.c.used_at.is_(None),
            codes.c.expires_at > now(),
            codes.c.tries < max_tries,
        )
        .with_for_update()
        .scalar_subquery()
    )
    tried = await connection.execute(
        sa.update(codes)
        .where(codes.c.id == latest)
        .values(tries=codes.c.tries + 1)
        .returning(codes)
    )
    row = tried.mappings().one_or_none()
    return dict(row) if row is not None else None


async def latest(connection: AsyncConnection, user_id: UUID, purpose: Purpose) -> Row | None:
    """Return the code that still counts, held until the transaction ends; None without one."""
    found = await connection.execute(
        sa.select(codes)
        .where(
            codes.c.user_id == user_id,
            codes.c.purpose == purpose,
            codes.c.used_at.is_(None),
            codes.c.expires_at > now(),
        )
        .with_for_update()
    )
    row = found.mappings().one_or_none()
    return dict(row) if row is not None else None


async def use(connection: AsyncConnection, code_id: UUID) -> None:
    """Let a code count no more."""
    await connection.execute(sa.update(codes).where(codes.c.id == code_id).values(used_at=now()))


async def of_user(connection: AsyncConnection, user_id: UUID) -> list[Row]:
    """Return the codes sent to the user, newest first."""
    found = await connection.execute(
        sa.select(codes).where(codes.c.user_id == user_id).order_by(codes.c.created_at.desc())
    )
    return [dict(row) for row in found.mappings()]


async def purge(connection: AsyncConnection) -> int:
    """Delete the codes older than a day and return how many."""
    old = codes.c.created_at < now() - timedelta(days=1)
    return (await connection.execute(sa.delete(codes).where(old))).rowcount
