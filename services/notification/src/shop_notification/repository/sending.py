"""Messages on their way: relayed to a queue, claimed by a sender, tried, and relayed again.

`due_at` says when the relay is to take a message (again): it moves by a lease when a message is put
into a queue, when a sender claims it, and when it is to be tried again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_notification.repository.recipients import RECIPIENT_COLUMNS, Recipient, recipient_in
from shop_notification.tables import attempts, erased_users, notifications, recipients
from shop_shared.stores.durable_work import WorkTable, is_one_of

OLD_LEASE = timedelta(minutes=2)
"""Senders of the version before do not move `due_at`: what one of them holds is left alone."""


def _is_to_relay(rows: sa.FromClause) -> sa.ColumnElement[bool]:
    in_hand = rows.c.updated_at > sa.func.now() - OLD_LEASE
    return sa.and_(
        is_one_of(rows.c.status, "pending", "queued", "retrying", "sending"),
        sa.or_(~is_one_of(rows.c.status, "sending"), ~in_hand),
    )


MESSAGES = WorkTable(
    notifications,
    name="notifications",
    is_open=_is_to_relay,
    attempts=None,
    on_claim={"status": "queued", "updated_at": sa.func.now()},
    notifies=False,
)
"""What the relay puts into queues."""

_SENDING = WorkTable(
    notifications,
    name="notifications_sending",
    is_open=lambda rows: is_one_of(rows.c.status, "pending", "queued", "retrying", "sending"),
    on_claim={"status": "sending", "updated_at": sa.func.now()},
)
"""What senders claim, by the id that the queue tells them."""


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


async def claim(
    connection: AsyncConnection, notification_id: UUID, *, lease: timedelta
) -> ClaimedMessage | None:
    """Claim a message to send it; None when it was sent, settled or claimed by another sender."""
    values = {"notification_id": notification_id, "work_lease": lease}
    row = (await connection.execute(_CLAIM, values)).one_or_none()
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


async def record(  # noqa: PLR0913 - keyword-only, each of its own kind
    connection: AsyncConnection,
    message: ClaimedMessage,
    *,
    status: str,
    outcome: str,
    detail: str,
    again_after: timedelta | None = None,
) -> None:
    """Keep what came of an attempt. A secret is wiped as soon as it need not be sent again."""
    wipe = message.category == "security" and status in {"sent", "suppressed"}
    await connection.execute(
        _RECORD_AND_WIPE if wipe else _RECORD,
        {
            "work_id": message.id,
            "work_attempt": message.attempt,
            "this_outcome": outcome,
            "this_detail": detail[:500],
            "this_status": status,
            "again_after": again_after,
        },
    )


# Made once: putting a statement together is a good part of what each message costs.
_claimed = _SENDING.claim_where(
    notifications.c.id == sa.bindparam("notification_id", type_=sa.Uuid),
    _is_to_relay(notifications),
    # The relay commits "queued" only after the queue has the message: it may still be unseen here.
    sa.or_(
        ~is_one_of(notifications.c.status, "sending"),
        notifications.c.due_at <= sa.func.now(),
    ),
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
    notifications.c.id == sa.bindparam("work_id", type_=sa.Uuid),
)


def _record(**changes: object) -> sa.Update:
    attempt = {
        attempts.c.notification_id: sa.bindparam("work_id", type_=sa.Uuid),
        attempts.c.number: sa.bindparam("work_attempt", type_=sa.Integer),
        attempts.c.outcome: sa.bindparam("this_outcome", type_=sa.Text),
        # An account erased meanwhile leaves no answer of a mail server behind.
        attempts.c.detail: sa.case(
            (_IS_ERASED, ""), else_=sa.bindparam("this_detail", type_=sa.Text)
        ),
    }
    status = sa.bindparam("this_status", type_=sa.Text)
    return _SENDING.settlement.values(status=status, updated_at=sa.func.now(), **changes).add_cte(
        pg.insert(attempts).values(attempt).cte("attempted")
    )


_RECORD = _record()
_RECORD_AND_WIPE = _record(data={})
