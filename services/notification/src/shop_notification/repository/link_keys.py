"""The key that unsubscribe links are signed with: made by the migration, read once a process."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_notification.tables import link_keys


class LinkKey:
    """Reads the key when it is first needed."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._key: bytes | None = None

    async def get(self) -> bytes:
        """Return the key."""
        if self._key is None:
            async with self._engine.connect() as connection:
                found = await connection.execute(sa.select(link_keys.c.key).limit(1))
                self._key = bytes(found.scalar_one())
        return self._key
