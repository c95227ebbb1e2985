"""Erasure of a person's data, and retention: what is deleted after how long."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_notification.repository.recipients import take_turns
from shop_notification.tables import (
    attempts,
    devices,
    erased_users,
    notifications,
    preferences,
    recipients,
)
from shop_shared.clock import now

BATCH = 5000
"""Messages deleted in one transaction."""
WAITING_DAYS = 14
"""How long a message waits for its recipient to be known."""
ERASED_DAYS = 400
"""How long an erased account's id is remembered: longer than events about its orders may come."""
_LATELY = timedelta(hours=1)
"""Longer than any transaction takes."""
_SETTLED = ("sent", "parked", "suppressed")


async def erase(connection: AsyncConnection, user_id: UUID) -> None:
    """Erase who somebody is, their addresses, what was written to them, and mail servers' answers.

    Of messages there remain id, template, status and times; the account's id is remembered, so
    that nothing is written to it again.
    """
    await take_turns(connection, user_id)
    await connection.execute(
        pg.insert(erased_users).values(user_id=user_id, erased_at=now()).on_conflict_do_nothing()
    )
    for table in (recipients, preferences, devices):
        await connection.execute(sa.delete(table).where(table.c.user_id == user_id))
    await _wipe_messages(connection, notifications.c.user_id == user_id)
    theirs = sa.select(notifications.c.id).where(notifications.c.user_id == user_id)
    await connection.execute(
        sa.update(attempts).where(attempts.c.notification_id.in_(theirs)).values(detail="")
    )


async def erase_latecomers(connection: AsyncConnection) -> int:
    """Erase messages that were written in the moment of their account's erasure; return how many.

    Neither of the two transactions saw what the other did.
    """
    lately = sa.select(erased_users.c.user_id).where(erased_users.c.erased_at > now() - _LATELY)
    says = sa.or_(
        notifications.c.data != sa.literal({}, pg.JSONB), notifications.c.destination.is_not(None)
    )
    return await _wipe_messages(connection, notifications.c.user_id.in_(lately), says)


async def _wipe_messages(connection: AsyncConnection, *of: sa.ColumnElement[bool]) -> int:
    unsent = notifications.c.status.not_in(_SETTLED)
    result = await connection.execute(
        sa.update(notifications)
        .where(*of)
        .values(
            data={},
            destination=None,
            status=sa.case((unsent, "suppressed"), else_=notifications.c.status),
            updated_at=sa.func.now(),
        )
    )
    return result.rowcount


async def suppress_unclaimed(connection: AsyncConnection) -> int:
    """Give up messages whose recipient never became known; return how many."""
    result = await connection.execute(
        sa.update(notifications)
        .where(
            notifications.c.status == "waiting",
            notifications.c.created_at < now() - timedelta(days=WAITING_DAYS),
        )
        .values(status="suppressed", data={}, destination=None, updated_at=sa.func.now())
    )
    return result.rowcount


async def purge_messages(connection: AsyncConnection, *, keep: timedelta) -> int:
    """Delete settled messages older than `keep`, with their attempts; return how many."""
    old = (
        sa.select(notifications.c.id)
        .where(notifications.c.status.in_(_SETTLED), notifications.c.created_at < now() - keep)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    ids = list((await connection.execute(old)).scalars())
    if not ids:
        return 0
    await connection.execute(sa.delete(attempts).where(attempts.c.notification_id.in_(ids)))
    await connection.execute(sa.delete(notifications).where(notifications.c.id.in_(ids)))
    return len(ids)


async def purge_erased(connection: AsyncConnection) -> int:
    """Forget the ids of accounts erased long ago; return how many."""
    result = await connection.execute(
        sa.delete(erased_users).where(
            erased_users.c.erased_at < now() - timedelta(days=ERASED_DAYS)
        )
    )
    return result.rowcount
