"""A service that is deleted and made anew, under the same names, is captured from its first row."""

import pytest
from shop_event_path import topics
from shop_event_path.connectors import Connectors
from shop_event_path.outboxes import Outbox, create_mongodb, create_postgres, publish_each
from shop_servers.servers import Connect, MongoDB, Postgres


@pytest.mark.parametrize("kind", ["postgres", "mongodb"])
async def test_a_database_of_a_former_ones_name_is_captured_from_its_first_row(
    kind: str, postgres: Postgres, mongodb: MongoDB, connect: Connect, connect_api: Connectors
) -> None:
    """As the operator has Strimzi do it: the connector is stopped and its offsets are reset.

    Without that, MongoDB's new database is never read (Debezium 3.3.2): the position that Connect
    keeps is that of the end of the former one's change stream.
    """

    async def make(name: str = "") -> Outbox:
        if kind == "postgres":
            return await create_postgres(postgres.url, connect.bootstrap_servers, name=name)
        return await create_mongodb(mongodb.url, connect.bootstrap_servers, name=name)

    outbox = await make()
    await topics.create(connect.bootstrap_servers, outbox.topic)
    for first in (0, 10, 20):
        await publish_each(outbox, range(first, first + 5))
        await connect_api.start(outbox)
        await publish_each(outbox, range(first + 5, first + 10))
        arrived = await topics.read_up_to(connect.bootstrap_servers, outbox.topic, first + 9)
        assert arrived == list(range(first + 10))
        await connect_api.delete(outbox)
        await outbox.drop()
        outbox = await make(outbox.name)
    await outbox.drop()
