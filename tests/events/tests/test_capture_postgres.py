"""What can go wrong with a replication slot, and the order of a snapshot."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeAlias

import asyncpg
import pytest
from shop_event_path.connectors import Connectors
from shop_event_path.outboxes import PostgresOutbox, publish_each
from shop_event_path.topics import read_up_to
from shop_servers.servers import Connect, Postgres

from shop_operator.names import slot
from shop_shared.messaging import event_metrics
from shop_shared.messaging.outbox import purge
from shop_shared.stores.postgres import transaction

Admin: TypeAlias = asyncpg.Connection
WITHIN = 180
pytestmark = pytest.mark.parametrize("uncaptured", ["postgres"], indirect=True)


@pytest.fixture
async def admin(postgres: Postgres, outbox: PostgresOutbox) -> AsyncIterator[Admin]:
    connection = await asyncpg.connect(postgres.url, database=outbox.name)
    yield connection
    await connection.close()


async def test_a_slot_dropped_under_a_running_connector_loses_nothing(
    connect: Connect, connect_api: Connectors, outbox: PostgresOutbox, admin: Admin
) -> None:
    await connect_api.start(outbox)
    await publish_each(outbox, range(10))
    assert await read_up_to(connect.bootstrap_servers, outbox.topic, 9) == list(range(10))
    async with asyncio.timeout(WITHIN):
        while True:  # until the connector, which comes back at once, is out of the way
            await admin.execute(
                "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
                " WHERE slot_name = $1 AND active",
                slot(outbox.name),
            )
            try:
                await admin.execute("SELECT pg_drop_replication_slot($1)", slot(outbox.name))
                break
            except asyncpg.ObjectInUseError:
                continue
    await publish_each(outbox, range(10, 20))
    assert await read_up_to(connect.bootstrap_servers, outbox.topic, 19) == list(range(20))


async def test_a_slot_dropped_while_the_connector_is_stopped_loses_nothing(
    connect: Connect, connect_api: Connectors, outbox: PostgresOutbox, admin: Admin
) -> None:
    await connect_api.start(outbox)
    await publish_each(outbox, range(10))
    assert await read_up_to(connect.bootstrap_servers, outbox.topic, 9) == list(range(10))
    await connect_api.stop(outbox)
    await publish_each(outbox, range(10, 15))
    await admin.execute("SELECT pg_drop_replication_slot($1)", slot(outbox.name))
    await publish_each(outbox, range(15, 20))
    await connect_api.resume(outbox)
    await publish_each(outbox, range(20, 25))
    assert await read_up_to(connect.bootstrap_servers, outbox.topic, 24) == list(range(25))


async def test_old_events_stay_until_they_are_read_and_their_not_being_read_is_seen(
    connect: Connect, connect_api: Connectors, outbox: PostgresOutbox, admin: Admin
) -> None:
    """However long capture is away, and even if its slot is then gone: nothing is lost."""

    async def purged() -> tuple[int, float]:
        """How many old events were deleted, and what the alert is about."""
        await admin.execute("UPDATE outbox SET time = time - interval '2 days'")
        async with transaction(outbox.engine) as connection:
            count = await purge(connection)
        return count, event_metrics.captured.labels(outbox.name)._value.get()

    async def until_used(*, wanted: bool) -> None:
        active = "SELECT active FROM pg_replication_slots WHERE slot_name = $1"
        async with asyncio.timeout(WITHIN):
            while (await admin.fetchval(active, slot(outbox.name)) or False) is not wanted:
                await asyncio.sleep(0.1)

    await connect_api.start(outbox)
    await publish_each(outbox, range(10))
    assert await read_up_to(connect.bootstrap_servers, outbox.topic, 9) == list(range(10))
    await until_used(wanted=True)  # what came may have been read from the table
    assert await purged() == (10, 1)
    await connect_api.stop(outbox)
    await until_used(wanted=False)
    await publish_each(outbox, range(10, 15))
    assert await purged() == (0, 0)
    await admin.execute("SELECT pg_drop_replication_slot($1)", slot(outbox.name))
    await publish_each(outbox, range(15, 20))
    assert await purged() == (0, 0)
    await connect_api.resume(outbox)
    await publish_each(outbox, range(20, 21))
    assert await read_up_to(connect.bootstrap_servers, outbox.topic, 20) == list(range(21))
    await until_used(wanted=True)
    assert await purged() == (11, 1)


async def test_a_snapshot_reads_in_the_order_of_publication_not_of_the_heap(
    connect: Connect, connect_api: Connectors, outbox: PostgresOutbox, admin: Admin
) -> None:
    await publish_each(outbox, range(200))
    # The first rows come to stand behind the last, as new ones do in the space that a purge left.
    await admin.execute("UPDATE outbox SET time = time WHERE (payload->>'n')::int < 100")
    rows = await admin.fetch("SELECT (payload->>'n')::int FROM outbox")
    in_heap = [n for (n,) in rows]
    assert in_heap != sorted(in_heap), "the test's own premise"
    await connect_api.start(outbox)
    await publish_each(outbox, range(200, 201))
    assert await read_up_to(connect.bootstrap_servers, outbox.topic, 200) == list(range(201))
