"""Recipients, messages and their attempts in PostgreSQL, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_notification.quiet_hours import QuietHours
from shop_notification.tables import attempts, devices, notifications, preferences, recipients
from shop_shared.ids import uuid7
from shop_shared.trace_context import current_traceparent


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipient:
    """Whom a message is for."""

    user_id: UUID
    name: str
    locale: str
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Preferences:
    """What somebody does not want, and when not."""

    off: Mapping[str, Sequence[str]]
    quiet: QuietHours | None

    def wants(self, category: str, channel: str) -> bool:
        """Whether messages of this category may come on this channel."""
        return channel not in self.off.get(category, ())


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A message before it is stored."""

    event_id: str
    channel: str
    user_id: UUID
    category: str
    template: str
    data: Mapping[str, Any]
    destination: str | None
    status: str
    due_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A message in the sender's hand; attempt counts this one."""

    id: UUID
    channel: str
    user_id: UUID
    category: str
    template: str
    data: Mapping[str, Any]
    destination: str | None
    attempt: int
    recipient: Recipient | None


async def save_recipient(connection: AsyncConnection, recipient: Recipient) -> None:
    """Store how somebody is reached."""
    row = {
        "email": recipient.email,
        "name": recipient.name,
        "phone": recipient.phone,
        "locale": recipient.locale,
    }
    await connection.execute(
        pg.insert(recipients)
        .values(user_id=recipient.user_id, **row)
        .on_conflict_do_update(index_elements=["user_id"], set_=row)
    )


async def recipient_of(connection: AsyncConnection, user_id: UUID) -> Recipient | None:
    """Return how somebody is reached."""
    statement = sa.select(recipients).where(recipients.c.user_id == user_id)
    row = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else Recipient(**row)


async def release_waiting(connection: AsyncConnection, user_id: UUID) -> None:
    """Let messages go that came before their recipient was known."""
    await connection.execute(
        sa.update(notifications)
        .where(notifications.c.user_id == user_id, notifications.c.status == "waiting")
        .values(status="pending", updated_at=sa.func.now())
    )


async def erase(connection: AsyncConnection, user_id: UUID) -> None:
    """Forget somebody: who, where, and what was written."""
    for table in (recipients, preferences, devices):
        await connection.execute(sa.delete(table).where(table.c.user_id == user_id))
    unsent = notifications.c.status.not_in(["sent", "parked", "suppressed"])
    await connection.execute(
        sa.update(notifications)
        .where(notifications.c.user_id == user_id)
        .values(
            data={},
            destination=None,
            status=sa.case((unsent, "suppressed"), else_=notifications.c.status),
            updated_at=sa.func.now(),
        )
    )


async def preferences_of(connection: AsyncConnection, user_id: UUID) -> Preferences:
    """Return what somebody wants; everything, where nothing was said."""
    statement = sa.select(preferences).where(preferences.c.user_id == user_id)
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return Preferences(off={}, quiet=None)
    quiet = (
        QuietHours(row.quiet_from, row.quiet_until, row.timezone)
        if row.quiet_from is not None
        else None
    )
    return Preferences(off=row.off, quiet=quiet)


async def save_preferences(connection: AsyncConnection, user_id: UUID, wanted: Preferences) -> None:
    """Store what somebody wants."""
    quiet = wanted.quiet
    row = {
        "off": {category: list(channels) for category, channels in wanted.off.items()},
        "quiet_from": quiet.start if quiet else None,
        "quiet_until": quiet.end if quiet else None,
        "timezone": quiet.timezone if quiet else "UTC",
    }
    await connection.execute(
        pg.insert(preferences)
        .values(user_id=user_id, **row)
        .on_conflict_do_update(index_elements=["user_id"], set_=row)
    )


async def devices_of(connection: AsyncConnection, user_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return somebody's devices."""
    statement = sa.select(devices).where(devices.c.user_id == user_id).order_by(devices.c.id)
    return (await connection.execute(statement)).all()


async def save_device(
    connection: AsyncConnection, *, device_id: UUID, user_id: UUID, token: str, platform: str
) -> bool:
    """Store a device; False when the id is somebody else's. A token moves to its newest owner."""
    await connection.execute(
        sa.delete(devices).where(devices.c.token == token, devices.c.id != device_id)
    )
    row = {"token": token, "platform": platform}
    stored = await connection.execute(
        pg.insert(devices)
        .values(id=device_id, user_id=user_id, **row)
        .on_conflict_do_update(index_elements=["id"], set_=row, where=devices.c.user_id == user_id)
    )
    return bool(stored.rowcount)


async def delete_device(connection: AsyncConnection, *, device_id: UUID, user_id: UUID) -> bool:
    """Forget a device of somebody's; False where there is none."""
    result = await connection.execute(
        sa.delete(devices).where(devices.c.id == device_id, devices.c.user_id == user_id)
    )
    return bool(result.rowcount)


async def drop_token(connection: AsyncConnection, token: str) -> None:
    """Forget a device that is no more."""
    await connection.execute(sa.delete(devices).where(devices.c.token == token))


async def store(connection: AsyncConnection, draft: Draft) -> UUID | None:
    """Store a message once for its event and channel; None when it is there already."""
    stored: UUID | None = await connection.scalar(
        pg.insert(notifications)
        .values(
            id=uuid7(),
            event_id=draft.event_id,
            channel=draft.channel,
            user_id=draft.user_id,
            category=draft.category,
            template=draft.template,
            data=dict(draft.data),
            destination=draft.destination,
            status=draft.status,
            due_at=draft.due_at,
            traceparent=current_traceparent(),
        )
        .on_conflict_do_nothing()
        .returning(notifications.c.id)
    )
    return stored


async def due(connection: AsyncConnection, *, limit: int) -> Sequence[Any]:
    """Return messages to be queued, held; those that others hold are left to them."""
    statement = (
        sa.select(notifications.c.id, notifications.c.channel, notifications.c.traceparent)
        .where(notifications.c.status == "pending", notifications.c.due_at <= sa.func.now())
        .order_by(notifications.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await connection.execute(statement)).all()


async def mark(connection: AsyncConnection, ids: Sequence[UUID], status: str) -> None:
    """Move messages to a status."""
    await connection.execute(
        sa.update(notifications)
        .where(notifications.c.id.in_(ids))
        .values(status=status, updated_at=sa.func.now())
    )


async def take(connection: AsyncConnection, notification_id: UUID) -> Taken | None:
    """Take a message into hand to send it; None when it is sent, settled or in another's hand."""
    row = (
        await connection.execute(
            sa.update(notifications)
            .where(
                notifications.c.id == notification_id,
                notifications.c.status.in_(["pending", "queued", "retrying"]),
            )
            .values(
                status="sending",
                attempts=notifications.c.attempts + 1,
                updated_at=sa.func.now(),
            )
            .returning(notifications)
        )
    ).one_or_none()
    if row is None:
        return None
    return Taken(
        id=row.id,
        channel=row.channel,
        user_id=row.user_id,
        category=row.category,
        template=row.template,
        data=row.data,
        destination=row.destination,
        attempt=row.attempts,
        recipient=await recipient_of(connection, row.user_id),
    )


async def record(
    connection: AsyncConnection, taken: Taken, *, status: str, outcome: str, detail: str
) -> None:
    """Keep what came of an attempt. A secret is wiped as soon as it need not be sent again."""
    await connection.execute(
        pg.insert(attempts).values(
            notification_id=taken.id, number=taken.attempt, outcome=outcome, detail=detail[:500]
        )
    )
    wipe = taken.category == "security" and status in {"sent", "suppressed"}
    await connection.execute(
        sa.update(notifications)
        .where(notifications.c.id == taken.id)
        .values(status=status, updated_at=sa.func.now(), **({"data": {}} if wipe else {}))
    )


async def requeue_lost(
    connection: AsyncConnection, *, lease: timedelta, lost_after: timedelta
) -> int:
    """Queue again what a dead sender held or a queue has lost; return how many."""
    silent = sa.func.now() - notifications.c.updated_at
    result = await connection.execute(
        sa.update(notifications)
        .where(
            sa.or_(
                sa.and_(notifications.c.status == "sending", silent > lease),
                sa.and_(notifications.c.status.in_(["queued", "retrying"]), silent > lost_after),
            )
        )
        .values(status="pending", updated_at=sa.func.now())
    )
    return result.rowcount


async def retry(connection: AsyncConnection, notification_id: UUID) -> str | None:
    """Let a parked message go again; answer the status it had, or None where there is none."""
    statement = (
        sa.select(notifications.c.status)
        .where(notifications.c.id == notification_id)
        .with_for_update()
    )
    status: str | None = await connection.scalar(statement)
    if status == "parked":
        await mark(connection, [notification_id], "pending")
    return status


async def find(connection: AsyncConnection, notification_id: UUID) -> sa.Row[Any] | None:
    """Return a message to be read."""
    statement = sa.select(notifications).where(notifications.c.id == notification_id)
    return (await connection.execute(statement)).one_or_none()


async def attempts_of(connection: AsyncConnection, notification_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return every attempt, first to last."""
    statement = (
        sa.select(attempts)
        .where(attempts.c.notification_id == notification_id)
        .order_by(attempts.c.number)
    )
    return (await connection.execute(statement)).all()


async def page(
    connection: AsyncConnection, *, user_id: UUID | None, before: UUID | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Return somebody's messages, or everybody's, newest first."""
    statement = sa.select(notifications)
    if user_id is not None:
        statement = statement.where(notifications.c.user_id == user_id)
    if before is not None:
        statement = statement.where(notifications.c.id < before)
    statement = statement.order_by(notifications.c.id.desc()).limit(limit)
    return (await connection.execute(statement)).all()
