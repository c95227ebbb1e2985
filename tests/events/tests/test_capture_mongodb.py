"""A position that the oplog no longer has: what the outbox holds is read again."""

import pytest
from shop_event_path.connectors import Connectors
from shop_event_path.outboxes import MongoOutbox, publish_each
from shop_event_path.topics import read_up_to
from shop_servers.servers import Connect

YEARS_AGO = 1_600_000_000
pytestmark = pytest.mark.parametrize("uncaptured", ["mongodb"], indirect=True)


async def test_a_position_before_the_oplog_begins_loses_nothing(
    connect: Connect, connect_api: Connectors, outbox: MongoOutbox
) -> None:
    await connect_api.start(outbox)
    await publish_each(outbox, range(10))
    assert await read_up_to(connect.bootstrap_servers, outbox.topic, 9) == list(range(10))
    await connect_api.stop(outbox)
    await publish_each(outbox, range(10, 20))
    await connect_api.forget_position(outbox, sec=YEARS_AGO)
    await connect_api.resume(outbox)
    await publish_each(outbox, range(20, 25))
    assert await read_up_to(connect.bootstrap_servers, outbox.topic, 24) == list(range(25))
