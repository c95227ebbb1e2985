"""Messages on their way: queued, claimed by a sender, tried, queued again when lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_notification.repository.recipients import RECIPIENT_COLUMNS, Recipient, recipient_in
from shop_notification.tables import attempts, erased_users, notifications, recipients


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimedMessage:
    """A message that one sender holds; `attempt` counts this attempt."""

    id: UUID
    channel: str
    user_id: UUID
    category: str
    template: str
    data: Mapping[str, Any]
    destination: str | None
    attempt: int
    unrecorded: int
    """Attempts before this one of which nothing was recorded: their process ended first."""
    recipient: Recipient | None


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


async def claim(connection: AsyncConnection, notification_id: UUID) -> ClaimedMessage | None:
    """Claim a message to send it; None when it was sent, settled or claimed by another sender."""
    row = (await connection.execute(_CLAIM, {"notification_id": notification_id})).one_or_none()
    if row is None:
        return None
    return ClaimedMessage(
        id=row.id,
        channel=row.channel,
        user_id=row.user_id,
        category=row.category,
        template=row.template,
        data=row.data,
        destination=row.destination,
        attempt=row.attempts,
        unrecorded=row.attempts - 1 - row.recorded,
        recipient=recipient_in(row),
    )


async def record(
    connection: AsyncConnection, message: ClaimedMessage, *, status: str, outcome: str, detail: str
) -> None:
    """Keep what came of an attempt. A secret is wiped as soon as it need not be sent again."""
    wipe = message.category == "security" and status in {"sent", "suppressed"}
    await connection.execute(
        _RECORD_AND_WIPE if wipe else _RECORD,
        {
            "this_id": message.id,
            "this_number": message.attempt,
            "this_outcome": outcome,
            "this_detail": detail[:500],
            "this_status": status,
        },
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


# Made once: putting a statement together is a good part of what each message costs.
_claimed = (
    sa.update(notifications)
    .where(
        notifications.c.id == sa.bindparam("notification_id"),
        notifications.c.status.in_(["pending", "queued", "retrying"]),
    )
    .values(status="sending", attempts=notifications.c.attempts + 1, updated_at=sa.func.now())
    .returning(notifications)
    .cte("claimed")
)
_recorded = (
    sa.select(sa.func.count())
    .where(attempts.c.notification_id == _claimed.c.id)
    .correlate(_claimed)
    .scalar_subquery()
)
_CLAIM = sa.select(_claimed, *RECIPIENT_COLUMNS, _recorded.label("recorded")).select_from(
    _claimed.outerjoin(recipients, recipients.c.user_id == _claimed.c.user_id)
)


_IS_ERASED = sa.exists().where(
    erased_users.c.user_id == notifications.c.user_id,
    notifications.c.id == sa.bindparam("this_id", type_=sa.Uuid),
)


def _record(**changes: object) -> sa.Update:
    attempt = {
        attempts.c.notification_id: sa.bindparam("this_id", type_=sa.Uuid),
        attempts.c.number: sa.bindparam("this_number", type_=sa.Integer),
        attempts.c.outcome: sa.bindparam("this_outcome", type_=sa.Text),
        # An account erased meanwhile leaves no answer of a mail server behind.
        attempts.c.detail: sa.case(
            (_IS_ERASED, ""), else_=sa.bindparam("this_detail", type_=sa.Text)
        ),
    }
    return (
        sa.update(notifications)
        .where(notifications.c.id == sa.bindparam("this_id", type_=sa.Uuid))
        .values(
            status=sa.bindparam("this_status", type_=sa.Text),
            updated_at=sa.func.now(),
            **changes,
        )
        .add_cte(pg.insert(attempts).values(attempt).cte("attempted"))
    )


_RECORD = _record()
_RECORD_AND_WIPE = _record(data={})
