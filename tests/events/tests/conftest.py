"""Outboxes of both kinds with their topics, on the shared servers."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from shop_event_path import topics
from shop_event_path.connectors import Connectors, connectors
from shop_event_path.ledgers import Ledger, ledger
from shop_event_path.outboxes import Outbox, PostgresOutbox, create_mongodb, create_postgres
from shop_servers.servers import Connect, Kafka, MongoDB, Postgres

NewOutbox = Callable[[str], Awaitable[Outbox]]


@pytest.fixture
async def connect_api(connect: Connect) -> AsyncIterator[Connectors]:
    async with connectors(connect.url) as found:
        yield found


@pytest.fixture(params=["postgres", "mongodb"])
async def outbox(
    request: pytest.FixtureRequest,
    postgres: Postgres,
    mongodb: MongoDB,
    connect: Connect,
    connect_api: Connectors,
) -> AsyncIterator[Outbox]:
    """A service's database with its topic, without a connector yet."""
    made: Outbox
    if request.param == "postgres":
        made = await create_postgres(postgres.url, connect.bootstrap_servers)
    else:
        made = await create_mongodb(mongodb.url, connect.bootstrap_servers)
    await topics.create(connect.bootstrap_servers, made.topic)
    yield made
    await connect_api.delete(made)
    await made.drop()


@pytest.fixture
async def uncaptured(postgres: Postgres, kafka: Kafka) -> AsyncIterator[PostgresOutbox]:
    """An outbox that nobody captures: a test sends to its topic by hand."""
    made = await create_postgres(postgres.url, kafka.bootstrap_servers)
    await topics.create(kafka.bootstrap_servers, made.topic)
    yield made
    await made.drop()


@pytest.fixture
async def book(uncaptured: PostgresOutbox) -> AsyncIterator[Ledger]:
    async with ledger(uncaptured.settings) as found:
        yield found
