"""A database of the version before: what is on its way when it is upgraded goes once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
import pytest_asyncio
import sqlalchemy as sa
from pydantic import SecretStr
from shop_servers.servers import Database
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_notification.repository import sending
from shop_notification.settings import Settings
from shop_shared.ids import uuid7
from shop_shared.stores import migrations, postgres
from shop_shared.stores.postgres import transaction

LEASE = timedelta(minutes=2)


@pytest_asyncio.fixture
async def engine(postgres_database: Database) -> AsyncIterator[AsyncEngine]:
    settings = Settings(
        database_url=SecretStr(postgres_database.url), rabbitmq_url=SecretStr("amqp://nowhere")
    )
    await migrations.upgrade(settings, "shop_notification", "0004")
    engine = postgres.create_engine(settings)
    async with transaction(engine) as connection:
        for status in ("pending", "queued", "retrying", "sending", "sent", "parked"):
            await store(connection, status, attempts=1)
    await migrations.upgrade(settings, "shop_notification")
    yield engine
    await engine.dispose()


async def store(connection: AsyncConnection, status: str, *, attempts: int) -> UUID:
    """Insert a message as a sender of the version before leaves it: due since it was made."""
    message_id = uuid7()
    await connection.execute(
        sa.text(
            "INSERT INTO notifications (id, event_id, channel, user_id, category, template, data,"
            " status, attempts) VALUES (:id, :event, 'email', :id, 'orders', 'x', '{}', :status,"
            " :attempts)"
        ),
        {"id": message_id, "event": str(message_id), "status": status, "attempts": attempts},
    )
    return message_id


async def relayed(engine: AsyncEngine) -> int:
    async with transaction(engine) as connection:
        return len(await sending.MESSAGES.claim(connection, limit=100, lease=LEASE))


async def pass_time(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        await connection.execute(
            sa.text(
                "UPDATE notifications SET due_at = now(),"
                " updated_at = updated_at - CAST(:time AS interval)"
            ),
            {"time": 2 * LEASE},
        )


async def test_what_is_on_its_way_at_the_upgrade_goes_on_when_its_lease_ends(
    engine: AsyncEngine,
) -> None:
    assert await relayed(engine) == 1, "the others are in queues and with senders"
    await pass_time(engine)
    assert await relayed(engine) == 4
    await pass_time(engine)
    assert await relayed(engine) == 4
    assert await relayed(engine) == 0


@pytest.mark.parametrize("claimed_by", ["relay", "sender"])
async def test_what_a_sender_of_the_version_before_holds_is_left_to_it(
    engine: AsyncEngine, claimed_by: str
) -> None:
    await relayed(engine)
    async with transaction(engine) as connection:
        held = await store(connection, "sending", attempts=1)

    async def claim() -> int:
        if claimed_by == "relay":
            return await relayed(engine)
        async with transaction(engine) as connection:
            return len(await sending.claim(connection, [held], lease=LEASE))

    assert await claim() == 0
    await pass_time(engine)
    assert await claim() >= 1
