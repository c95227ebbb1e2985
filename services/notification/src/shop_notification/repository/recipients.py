"""Recipients and what they want, in PostgreSQL, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_notification.plans import Plan
from shop_notification.quiet_hours import QuietHours
from shop_notification.tables import devices, erased_users, preferences, recipients

_INT63 = 2**63 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipient:
    """Whom a message is for."""

    user_id: UUID
    name: str
    locale: str
    email: str | None = None
    phone: str | None = None
    version: int | None = None
    """The account's, when it was so; None where the user service did not tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Preferences:
    """What somebody does not want, and when not."""

    off: Mapping[str, Sequence[str]]
    quiet: QuietHours | None
    also: Sequence[str] = ()
    """Templates told only on request that were asked for."""

    def wants(self, plan: Plan, channel: str) -> bool:
        """Return True if a message of this plan may come on this channel."""
        if plan.category == "security":
            return True
        if channel in self.off.get(plan.category, ()):
            return False
        return channel not in plan.on_request or plan.template in self.also


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactChannels:
    """How somebody is reached, and wants to be; who is not known yet has no recipient."""

    recipient: Recipient | None
    wanted: Preferences
    has_device: bool
    is_erased: bool

    def has(self, channel: str) -> bool:
        """Whether there may be somewhere to send to: nobody known yet may have any address."""
        if self.recipient is None:
            return True
        if channel == "push":
            return self.has_device
        return bool(self.recipient.email if channel == "email" else self.recipient.phone)


async def recipient_of(connection: AsyncConnection, user_id: UUID) -> Recipient | None:
    """Return how somebody is reached, or None."""
    statement = sa.select(*RECIPIENT_COLUMNS).where(recipients.c.user_id == user_id)
    row = (await connection.execute(statement)).one_or_none()
    return recipient_in(row) if row is not None else None


async def take_turns(connection: AsyncConnection, user_id: UUID) -> None:
    """Wait for who else writes what is kept of this person: there may be no row to lock yet."""
    await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(user_id.int & _INT63)))


async def lock(connection: AsyncConnection, user_id: UUID) -> bool:
    """Take turns with who else writes about this person; False if nothing may be: it is erased."""
    await take_turns(connection, user_id)
    erased = sa.select(sa.exists().where(erased_users.c.user_id == user_id))
    return not await connection.scalar(erased)


async def switch_off(connection: AsyncConnection, user_id: UUID, *, category: str) -> None:
    """Switch off the mails of a category; other preferences stay. An erased account has none."""
    await take_turns(connection, user_id)
    reach = await contact_channels(connection, user_id)
    if reach.is_erased:
        return
    before = reach.wanted
    off = {**before.off, category: sorted({*before.off.get(category, ()), "email"})}
    changed = Preferences(off=off, quiet=before.quiet, also=before.also)
    await save_preferences(connection, user_id, changed)


async def save_recipient(connection: AsyncConnection, recipient: Recipient) -> None:
    """Store how somebody is reached, unless a later version of the account is known."""
    row: dict[str, Any] = {
        "email": recipient.email,
        "name": recipient.name,
        "phone": recipient.phone,
        "locale": recipient.locale,
    }
    is_newer = None
    if recipient.version is not None:
        row["version"] = recipient.version
        is_newer = recipients.c.version < recipient.version
    await connection.execute(
        pg.insert(recipients)
        .values(user_id=recipient.user_id, **row)
        .on_conflict_do_update(index_elements=["user_id"], set_=row, where=is_newer)
    )


RECIPIENT_COLUMNS = tuple(column.label(f"recipient_{column.name}") for column in recipients.c)
"""For an outer join with `recipients`; `recipient_in` reads them."""
QUIET_HOURS_COLUMNS = (preferences.c.quiet_from, preferences.c.quiet_until, preferences.c.timezone)
"""For an outer join with `preferences`; `quiet_hours_in` reads them."""
_SOMEBODY = sa.select(sa.bindparam("user_id", type_=sa.Uuid).label("id")).subquery()
_CONTACT_CHANNELS = sa.select(
    *RECIPIENT_COLUMNS,
    *preferences.c,
    sa.exists().where(devices.c.user_id == _SOMEBODY.c.id).label("has_device"),
    sa.exists().where(erased_users.c.user_id == _SOMEBODY.c.id).label("is_erased"),
).select_from(
    _SOMEBODY.outerjoin(recipients, recipients.c.user_id == _SOMEBODY.c.id).outerjoin(
        preferences, preferences.c.user_id == _SOMEBODY.c.id
    )
)


async def contact_channels(connection: AsyncConnection, user_id: UUID) -> ContactChannels:
    """Return how somebody is reached and wants to be, by one statement: each event asks."""
    row = (await connection.execute(_CONTACT_CHANNELS, {"user_id": user_id})).one()
    return ContactChannels(
        recipient=recipient_in(row),
        wanted=_preferences(None if row.user_id is None else row),
        has_device=row.has_device,
        is_erased=row.is_erased,
    )


def recipient_in(row: Any) -> Recipient | None:  # noqa: ANN401 - a row's shape is its query's
    """Read RECIPIENT_COLUMNS: None where the join found nobody."""
    if row.recipient_user_id is None:
        return None
    return Recipient(
        user_id=row.recipient_user_id,
        name=row.recipient_name,
        locale=row.recipient_locale,
        email=row.recipient_email,
        phone=row.recipient_phone,
    )


async def preferences_of(connection: AsyncConnection, user_id: UUID) -> Preferences:
    """Return what somebody wants; everything, where nothing was said."""
    statement = sa.select(preferences).where(preferences.c.user_id == user_id)
    return _preferences((await connection.execute(statement)).one_or_none())


def _preferences(row: Any) -> Preferences:  # noqa: ANN401 - as above
    if row is None:
        return Preferences(off={}, quiet=None)
    return Preferences(off=row.off, quiet=quiet_hours_in(row), also=row.also)


def quiet_hours_in(row: Any) -> QuietHours | None:  # noqa: ANN401 - as above
    """Read QUIET_HOURS_COLUMNS: None where nobody asked for any."""
    if row.quiet_from is None:
        return None
    return QuietHours(row.quiet_from, row.quiet_until, row.timezone)


async def save_preferences(connection: AsyncConnection, user_id: UUID, wanted: Preferences) -> None:
    """Store what somebody wants. The caller holds their turn."""
    quiet = wanted.quiet
    row = {
        "off": {category: list(channels) for category, channels in wanted.off.items()},
        "also": list(wanted.also),
        "quiet_from": quiet.start if quiet else None,
        "quiet_until": quiet.end if quiet else None,
        "timezone": quiet.timezone if quiet else "UTC",
    }
    await connection.execute(
        pg.insert(preferences)
        .values(user_id=user_id, **row)
        .on_conflict_do_update(index_elements=["user_id"], set_=row)
    )
