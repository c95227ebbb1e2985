"""Messages on their way: relayed to a queue, claimed by a sender, tried, and relayed again.

`due_at` says when the relay is to take a message (again): it moves by a lease when a message is put
into a queue, when a sender claims it, and when it is to be tried again.
"""

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
from shop_notification.repository.recipients import (
    QUIET_HOURS_COLUMNS,
    RECIPIENT_COLUMNS,
    Recipient,
    quiet_hours_in,
    recipient_in,
)
from shop_notification.tables import (
    attempts,
    erased_users,
    notifications,
    preferences,
    recipients,
)
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
    """Attempts right before this one of which nothing was recorded: their process ended first."""
    recipient: Recipient | None
    quiet: QuietHours | None

    def is_expired(self, moment: datetime) -> bool:
        """Return True if what it says counts no more: a code's time is over."""
        until = self.data.get("expires_at")
        return until is not None and datetime.fromisoformat(until) <= moment


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of an attempt, and the status that the message has now."""

    message: ClaimedMessage
    status: str
    outcome: str
    detail: str
    again_after: timedelta | None = None


async def claim(
    connection: AsyncConnection, ids: Sequence[UUID], *, lease: timedelta
) -> dict[UUID, ClaimedMessage]:
    """Claim messages to send them, by one statement.

    Those that were sent, settled or claimed by another sender are missing.
    """
    rows = await connection.execute(_CLAIM, {"ids": list(ids), "work_lease": lease})
    return {
        row.id: ClaimedMessage(
            id=row.id,
            channel=row.channel,
            user_id=row.user_id,
            category=row.category,
            template=row.template,
            data=row.data,
            destination=row.destination,
            attempt=row.attempts,
            unrecorded=row.attempts - 1 - row.last_recorded,
            recipient=recipient_in(row),
            quiet=quiet_hours_in(row),
        )
        for row in rows
    }


async def record(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
    """Keep what came of attempts, in one round trip or two, in the order of the messages' ids.

    A secret is wiped as soon as it need not be sent again.
    """
    by_id = sorted(outcomes, key=lambda outcome: outcome.message.id)
    for statement, rows in (
        (_RECORD, [_row(outcome) for outcome in by_id if not _wipes(outcome)]),
        (_RECORD_AND_WIPE, [_row(outcome) for outcome in by_id if _wipes(outcome)]),
    ):
        if rows:
            await connection.execute(statement, rows)


def _wipes(outcome: Outcome) -> bool:
    return outcome.message.category == "security" and outcome.status in {"sent", "suppressed"}


def _row(outcome: Outcome) -> dict[str, Any]:
    return {
        "work_id": outcome.message.id,
        "work_attempt": outcome.message.attempt,
        "this_outcome": outcome.outcome,
        "this_detail": outcome.detail[:500],
        "this_status": outcome.status,
        "again_after": outcome.again_after,
    }


# Made once: putting a statement together is a good part of what each message costs.
_claimed = _SENDING.claim_where(
    notifications.c.id == sa.any_(sa.bindparam("ids", type_=pg.ARRAY(sa.Uuid))),
    _is_to_relay(notifications),
    # The relay commits "queued" only after the queue has the message: it may still be unseen here.
    sa.or_(
        ~is_one_of(notifications.c.status, "sending"),
        notifications.c.due_at <= sa.func.now(),
    ),
)
_last_recorded = (
    sa.select(sa.func.coalesce(sa.func.max(attempts.c.number), 0))
    .where(attempts.c.notification_id == _claimed.c.id)
    .correlate(_claimed)
    .scalar_subquery()
)
_CLAIM = sa.select(
    _claimed, *RECIPIENT_COLUMNS, *QUIET_HOURS_COLUMNS, _last_recorded.label("last_recorded")
).select_from(
    _claimed.outerjoin(recipients, recipients.c.user_id == _claimed.c.user_id).outerjoin(
        preferences, preferences.c.user_id == _claimed.c.user_id
    )
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
