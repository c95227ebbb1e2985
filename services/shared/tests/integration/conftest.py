"""A consumer on a real Kafka and a real PostgreSQL: what it is sent, and its effects."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import orjson
import pytest
import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pydantic import SecretStr
from shop_servers.servers import Database, Kafka
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_shared.messaging import inbox
from shop_shared.messaging.consumer import Handler, consume
from shop_shared.messaging.events import ReceivedEvent
from shop_shared.messaging.inbox import SqlInbox
from shop_shared.settings import ServiceSettings
from shop_shared.stores.postgres import create_engine, transaction

TYPE = "minishop.test.happened.v1"
PATIENCE_SECONDS = 120


Handlers = dict[str, Handler[AsyncConnection]]


@pytest.fixture
def settings(postgres_database: Database, kafka: Kafka) -> ServiceSettings:
    return ServiceSettings(
        database_url=SecretStr(postgres_database.url),
        kafka_bootstrap_servers=kafka.bootstrap_servers,
    )


@pytest.fixture
async def engine(settings: ServiceSettings) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(settings)
    metadata = sa.MetaData()
    inbox.inbox_table(metadata)
    async with transaction(engine) as connection:
        await connection.run_sync(metadata.create_all)
        await connection.execute(
            sa.text("CREATE TABLE effects (n serial PRIMARY KEY, key text, value int)")
        )
    yield engine
    await engine.dispose()


@pytest.fixture
async def topic(kafka: Kafka) -> AsyncIterator[str]:
    name = kafka.name("test.events")
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(name, num_partitions=3, replication_factor=1)])
    yield name
    await admin.delete_topics([name])
    await admin.close()


@pytest.fixture
async def producer(kafka: Kafka) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap_servers, max_request_size=4 * 1024 * 1024
    )
    await producer.start()
    yield producer
    await producer.stop()


async def record(connection: AsyncConnection, event: ReceivedEvent) -> None:
    await connection.execute(
        sa.text("INSERT INTO effects (key, value) VALUES (:key, :value)"),
        {"key": event.key, "value": event.data["value"]},
    )


async def send(
    producer: AIOKafkaProducer,
    topic: str,
    value: object,
    *,
    key: str = "k",
    **attributes: str,
) -> None:
    body = value if isinstance(value, bytes) else orjson.dumps({"value": value})
    all_attributes = {"ce_id": str(uuid4()), "ce_type": TYPE, **attributes}
    headers = [(name, text.encode()) for name, text in all_attributes.items()]
    await producer.send_and_wait(topic, body, key.encode(), headers=headers)


@asynccontextmanager
async def consuming(  # noqa: PLR0913 - as consume
    settings: ServiceSettings,
    engine: AsyncEngine,
    topic: str,
    group: str,
    handlers: Handlers,
    *,
    gather_seconds: float = 0.0,
) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(
        consume(
            settings,
            group=group,
            topics=[topic],
            handlers=handlers,
            inbox=SqlInbox(engine),
            gather_seconds=gather_seconds,
        )
    )
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def effects(engine: AsyncEngine) -> list[tuple[str, int]]:
    async with engine.connect() as connection:
        rows = await connection.execute(sa.text("SELECT key, value FROM effects ORDER BY n"))
        return [(row.key, row.value) for row in rows]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():
            await asyncio.sleep(0.02)


async def until_effects(engine: AsyncEngine, at_least: int) -> None:
    """Wait until so many events have been handled."""

    async def are_there() -> bool:
        return len(await effects(engine)) >= at_least

    await until(are_there)


async def letters(kafka: Kafka, topic: str, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with AIOKafkaConsumer(
            topic, bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest"
        ) as consumer:
            while len(found) < count:
                message = await consumer.getone()
                headers = {name: bytes(value).decode() for name, value in message.headers}
                found.append({**headers, "value": message.value})
    return found
