"""Messages as they are made and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_notification.repository.sending import MESSAGES
from shop_notification.tables import attempts, notifications
from shop_shared.ids import uuid7
from shop_shared.observability.trace_context import current_traceparent
from shop_shared.stores.pages import newest_first


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A message before it is stored."""

    event_id: str
    channel: str
    user_id: UUID
    order_id: UUID | None
    category: str
    template: str
    data: Mapping[str, Any]
    destination: str | None
    status: str
    due_at: datetime


async def store(connection: AsyncConnection, draft: Draft) -> UUID | None:
    """Store a message once for its event and channel; None when it is there already."""
    return await MESSAGES.enqueue(
        connection,
        id=uuid7(),
        event_id=draft.event_id,
        channel=draft.channel,
        user_id=draft.user_id,
        order_id=draft.order_id,
        category=draft.category,
        template=draft.template,
        data=dict(draft.data),
        destination=draft.destination,
        status=draft.status,
        due_at=draft.due_at,
        traceparent=current_traceparent(),
    )


async def release_waiting(connection: AsyncConnection, user_id: UUID) -> None:
    """Let messages go that came before their recipient was known."""
    await connection.execute(
        sa.update(notifications)
        .where(notifications.c.user_id == user_id, notifications.c.status == "waiting")
        .values(status="pending", updated_at=sa.func.now())
    )


async def retry(connection: AsyncConnection, notification_id: UUID) -> str | None:
    """Let a parked message go again; answer the status it had, or None where there is none."""
    statement = (
        sa.select(notifications.c.status)
        .where(notifications.c.id == notification_id)
        .with_for_update()
    )
    status: str | None = await connection.scalar(statement)
    if status == "parked":
        now = sa.func.now()
        await connection.execute(
            sa.update(notifications)
            .where(notifications.c.id == notification_id)
            .values(status="pending", due_at=now, updated_at=now)
        )
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


async def all_of(connection: AsyncConnection, user_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return all messages to somebody, newest first; retention bounds them."""
    statement = (
        sa.select(notifications)
        .where(notifications.c.user_id == user_id)
        .order_by(notifications.c.id.desc())
    )
    return (await connection.execute(statement)).all()


async def page(
    connection: AsyncConnection,
    *,
    user_id: UUID | None,
    order_id: UUID | None,
    before: UUID | None,
    limit: int,
) -> Sequence[sa.Row[Any]]:
    """Return somebody's messages, or everybody's, of one order or all, newest first."""
    statement = newest_first(
        notifications, before=before, limit=limit, order_id=order_id, user_id=user_id
    )
    rows: Sequence[sa.Row[Any]] = (await connection.execute(statement)).all()
    return rows
