"""Outboxes of both kinds with their topics, on the shared servers."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from shop_event_path import topics
from shop_event_path.connectors import Connectors, connectors
from shop_event_path.ledgers import Ledger, ledger
from shop_event_path.outboxes import Outbox, create_mongodb, create_postgres
from shop_servers.servers import Connect, Kafka, MongoDB, Postgres

NewOutbox = Callable[[str], Awaitable[Outbox]]


@pytest.fixture
async def connect_api(connect: Connect) -> AsyncIterator[Connectors]:
    async with connectors(connect.url) as found:
        yield found


@pytest.fixture(params=["postgres", "mongodb"])
async def uncaptured(
    request: pytest.FixtureRequest, postgres: Postgres, mongodb: MongoDB, kafka: Kafka
) -> AsyncIterator[Outbox]:
    """A service's database with its topic, that nobody captures: a test may send by hand."""
    made: Outbox
    if request.param == "postgres":
        made = await create_postgres(postgres.url, kafka.bootstrap_servers)
    else:
        made = await create_mongodb(mongodb.url, kafka.bootstrap_servers)
    await topics.create(kafka.bootstrap_servers, made.topic)
    yield made
    await made.drop()


@pytest.fixture
async def outbox(uncaptured: Outbox, connect_api: Connectors) -> AsyncIterator[Outbox]:
    """A service's database with its topic, whose connector a test starts."""
    yield uncaptured
    await connect_api.delete(uncaptured)


@pytest.fixture
async def book(uncaptured: Outbox) -> AsyncIterator[Ledger]:
    async with ledger(uncaptured.settings) as found:
        yield found
