"""Address books."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared.clock import now
from shop_shared.ids import uuid7
from shop_user.tables import addresses

Row = dict[str, Any]


async def of_user(connection: AsyncConnection, user_id: UUID) -> list[Row]:
    """Return the user's book, the default first."""
    rows = await connection.execute(
        sa.select(addresses)
        .where(addresses.c.user_id == user_id)
        .order_by(addresses.c.is_default.desc(), addresses.c.id)
    )
    return [dict(row) for row in rows.mappings()]


async def find(
    connection: AsyncConnection, user_id: UUID, address_id: UUID, *, lock: bool = False
) -> Row | None:
    """Return one of the user's addresses; others' are not there."""
    wanted = sa.select(addresses).where(
        addresses.c.id == address_id, addresses.c.user_id == user_id
    )
    found = await connection.execute(wanted.with_for_update() if lock else wanted)
    row = found.mappings().one_or_none()
    return dict(row) if row is not None else None


async def insert(connection: AsyncConnection, user_id: UUID, fields: Row) -> Row:
    """Add an address."""
    await _make_room(connection, user_id, fields)
    at = now()
    added = await connection.execute(
        sa.insert(addresses)
        .values(id=uuid7(), user_id=user_id, version=1, created_at=at, updated_at=at, **fields)
        .returning(addresses)
    )
    return dict(added.mappings().one())


async def replace(connection: AsyncConnection, user_id: UUID, address_id: UUID, fields: Row) -> Row:
    """Write an address anew."""
    await _make_room(connection, user_id, fields, but=address_id)
    after = await connection.execute(
        sa.update(addresses)
        .where(addresses.c.id == address_id, addresses.c.user_id == user_id)
        .values(version=addresses.c.version + 1, updated_at=now(), **fields)
        .returning(addresses)
    )
    return dict(after.mappings().one())


async def delete(connection: AsyncConnection, user_id: UUID, address_id: UUID) -> bool:
    """Take an address out; return False when the user has no such one."""
    gone = await connection.execute(
        sa.delete(addresses).where(addresses.c.id == address_id, addresses.c.user_id == user_id)
    )
    return bool(gone.rowcount)


async def _make_room(
    connection: AsyncConnection, user_id: UUID, fields: Row, *, but: UUID | None = None
) -> None:
    """Let the new default be the only one; the one before has changed by it, too."""
    if not fields["is_default"]:
        return
    others = sa.update(addresses).where(addresses.c.user_id == user_id, addresses.c.is_default)
    if but is not None:
        others = others.where(addresses.c.id != but)
    await connection.execute(
        others.values(is_default=False, version=addresses.c.version + 1, updated_at=now())
    )
