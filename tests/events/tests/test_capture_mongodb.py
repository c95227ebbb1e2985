"""A position that the oplog no longer has: what the outbox holds is read again."""

import pytest
from shop_event_path import topics
from shop_event_path.connectors import Connectors
from shop_event_path.outboxes import MongoOutbox, counted
from shop_event_path.topics import numbers
from shop_servers.servers import Connect

YEARS_AGO = 1_600_000_000
pytestmark = pytest.mark.parametrize("uncaptured", ["mongodb"], indirect=True)


async def publish(outbox: MongoOutbox, numbers: range) -> None:
    for n in numbers:
        await outbox.publish([counted(outbox.name, n)])


async def test_a_position_before_the_oplog_begins_loses_nothing(
    connect: Connect, connect_api: Connectors, outbox: MongoOutbox
) -> None:
    async def arrived(last: int) -> list[int]:
        records = await topics.read(
            connect.bootstrap_servers,
            outbox.topic,
            until=lambda seen: numbers(seen).get("one", [-1])[-1] == last,
        )
        return numbers(records)["one"]

    await connect_api.start(outbox)
    await publish(outbox, range(10))
    assert await arrived(9) == list(range(10))
    await connect_api.stop(outbox)
    await publish(outbox, range(10, 20))
    await connect_api.forget_position(outbox, sec=YEARS_AGO)
    await connect_api.resume(outbox)
    await publish(outbox, range(20, 25))
    assert await arrived(24) == list(range(25))
