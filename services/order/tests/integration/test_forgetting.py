"""Old idempotency keys are forgotten, young ones are kept, and events that nobody has read."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.http import idempotency
from shop_shared.messaging import outbox
from shop_shared.stores import retention
from shop_shared.stores.postgres import transaction

pytestmark = pytest.mark.asyncio(loop_scope="module")
Place = Callable[[], Awaitable[dict[str, Any]]]


async def _count(engine: AsyncEngine, table: str) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0)


async def test_only_what_is_old_is_forgotten(engine: AsyncEngine, place: Place) -> None:
    await place()
    young = (await place())["id"]
    async with transaction(engine) as connection:
        age = "interval '25 hours'"
        await connection.execute(sa.text(f"UPDATE outbox SET time = time - {age}"))
        await connection.execute(
            sa.text(
                f"UPDATE idempotency_keys SET created_at = created_at - {age}"
                " WHERE position(:id in convert_from(body, 'UTF8')) = 0"
            ),
            {"id": young},
        )
    task = asyncio.create_task(retention.run(engine, outbox.purge, idempotency.purge))
    async with asyncio.timeout(60):
        while (await _count(engine, "outbox"), await _count(engine, "idempotency_keys")) != (2, 1):
            await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
