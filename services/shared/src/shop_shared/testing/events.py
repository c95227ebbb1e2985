"""Events told to a service by hand, and what it has published."""

from collections.abc import Mapping
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.ids import uuid7
from shop_shared.messaging.events import ReceivedEvent


def heard(
    name: str, key: object, data: Mapping[str, object], *, event_id: str | None = None
) -> ReceivedEvent:
    """Make the event `order.placed`, say, as a consumer is handed it."""
    return ReceivedEvent(
        id=event_id or str(uuid7()),
        type=f"minishop.{name}.v1",
        key=str(key),
        topic=f"{name.partition('.')[0]}.events",
        partition=0,
        offset=0,
        payload=orjson.dumps(data, default=str),
    )


async def said(engine: AsyncEngine, key: object) -> list[tuple[str, dict[str, Any]]]:
    """Return what is in the outbox under a key, in order: (`captured`, its payload)."""
    async with engine.connect() as connection:
        rows = await connection.execute(
            sa.text("SELECT type, payload FROM outbox WHERE aggregateid = :key ORDER BY id"),
            {"key": str(key)},
        )
        return [(row.type.split(".")[2], row.payload) for row in rows]
