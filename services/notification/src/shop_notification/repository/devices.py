"""Devices that take push messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_notification.tables import devices


async def devices_of(connection: AsyncConnection, user_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return somebody's devices."""
    statement = sa.select(devices).where(devices.c.user_id == user_id).order_by(devices.c.id)
    return (await connection.execute(statement)).all()


async def save_device(
    connection: AsyncConnection, *, device_id: UUID, user_id: UUID, token: str, platform: str
) -> bool:
    """Store a device; False when the id is somebody else's. A token moves to its newest owner."""
    # Two owners at once take turns: neither sees the other's device yet.
    await connection.execute(
        sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(token, 0)))
    )
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
