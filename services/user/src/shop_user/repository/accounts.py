"""Accounts."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared.clock import now
from shop_shared.stores.pages import newest_first
from shop_user.tables import accounts, addresses, codes

Row = dict[str, Any]
FIRST_VERSION = 1
_ADMINS_LOCK = 0x61646D696E73  # "admins"


async def insert(connection: AsyncConnection, row: Row) -> tuple[UUID, bool]:
    """Add an account, or find the one that has its e-mail; return its id, and whether it is new.

    Both write one row: how long it takes does not tell which it was.
    """
    at = now()
    inserted = pg.insert(accounts).values(
        version=FIRST_VERSION, status="active", created_at=at, updated_at=at, **row
    )
    found = await connection.execute(
        inserted.on_conflict_do_update(
            index_elements=["email_key"], set_={"email_key": inserted.excluded.email_key}
        ).returning(accounts.c.id)
    )
    user_id = found.scalar_one()
    return user_id, user_id == row["id"]


async def move(connection: AsyncConnection, user_id: UUID, email: str) -> bool:
    """Give the account another e-mail address; return False if another account has it."""
    holder = sa.select(accounts.c.id).where(accounts.c.email_key == email).exists()
    try:
        async with connection.begin_nested():
            moved = await connection.execute(
                sa.update(accounts)
                .where(accounts.c.id == user_id, ~holder)
                .values(email=email, email_key=email)
            )
    except sa.exc.IntegrityError:  # registered between the look and the write
        return False
    return bool(moved.rowcount)


async def find(connection: AsyncConnection, user_id: UUID, *, lock: bool = False) -> Row | None:
    """Return the account, held until the transaction ends when ``lock``."""
    return await _one(connection, accounts.c.id == user_id, lock=lock)


async def find_by_email(
    connection: AsyncConnection, email_key: str, *, lock: bool = False
) -> Row | None:
    """Return the account with this e-mail, normalised."""
    return await _one(connection, accounts.c.email_key == email_key, lock=lock)


async def _one(
    connection: AsyncConnection, condition: sa.ColumnElement[bool], *, lock: bool
) -> Row | None:
    wanted = sa.select(accounts).where(condition)
    found = await connection.execute(wanted.with_for_update() if lock else wanted)
    row = found.mappings().one_or_none()
    return dict(row) if row is not None else None


async def update(connection: AsyncConnection, user_id: UUID, **changes: Any) -> Row:  # noqa: ANN401 - columns' values
    """Change the account and count its version up; return it as it is after."""
    after = await connection.execute(
        sa.update(accounts)
        .where(accounts.c.id == user_id)
        .values(version=accounts.c.version + 1, updated_at=now(), **changes)
        .returning(accounts)
    )
    return dict(after.mappings().one())


async def rehash(connection: AsyncConnection, user_id: UUID, *, old: str, new: str) -> None:
    """Replace the password's hash by a stronger one of the same password."""
    await connection.execute(
        sa.update(accounts)
        .where(accounts.c.id == user_id, accounts.c.password_hash == old)
        .values(password_hash=new)
    )


async def is_only_admin(connection: AsyncConnection, user_id: UUID) -> bool:
    """Return True if the account is an active administrator and there is no other.

    Whoever asks takes turns until the transaction ends: two administrators cannot both go.
    """
    await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADMINS_LOCK)))
    admins = await connection.scalars(
        sa.select(accounts.c.id)
        .where(accounts.c.status == "active", accounts.c.roles.contains(["admin"]))
        .limit(2)
    )
    return list(admins) == [user_id]


async def erase(connection: AsyncConnection, user_id: UUID) -> None:
    """Leave nothing of the person but the id that orders refer to."""
    for table in (addresses, codes):
        await connection.execute(sa.delete(table).where(table.c.user_id == user_id))
    await update(
        connection,
        user_id,
        status="deleted",
        email=None,
        email_key=None,
        name=None,
        phone=None,
        password_hash=None,
        password_changed_at=None,
        locale="en",
        email_verified_at=None,
        phone_verified_at=None,
        roles=["customer"],
    )


async def page(
    connection: AsyncConnection,
    *,
    email: str | None,
    status: str | None,
    before: UUID | None,
    limit: int,
) -> Sequence[Row]:
    """Return accounts, newest first."""
    wanted = newest_first(accounts, before=before, limit=limit, email_key=email, status=status)
    return [dict(row) for row in (await connection.execute(wanted)).mappings()]
