"""The consumer on a real Kafka and a real PostgreSQL."""

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
from shop_shared.messaging.consumer import Handler, TemporaryError, consume
from shop_shared.messaging.dead_letters import topic_of
from shop_shared.messaging.events import ReceivedEvent
from shop_shared.messaging.inbox import SqlInbox
from shop_shared.settings import ServiceSettings
from shop_shared.stores.postgres import create_engine, transaction

TYPE = "minishop.test.happened.v1"
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
async def consuming(
    settings: ServiceSettings, engine: AsyncEngine, topic: str, group: str, handlers: Handlers
) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(
        consume(settings, group=group, topics=[topic], handlers=handlers, inbox=SqlInbox(engine))
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
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.02)


async def letters(kafka: Kafka, topic: str, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(30):
        async with AIOKafkaConsumer(
            topic, bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest"
        ) as consumer:
            while len(found) < count:
                message = await consumer.getone()
                headers = {name: bytes(value).decode() for name, value in message.headers}
                found.append({**headers, "value": message.value})
    return found


async def test_each_event_once_and_in_order_per_key(
    settings: ServiceSettings, engine: AsyncEngine, topic: str, producer: AIOKafkaProducer
) -> None:
    keys = [f"key-{n}" for n in range(5)]
    for value in range(40):
        event_id = f"{topic}-{value}"
        for _ in range(3):
            await send(producer, topic, value, key=keys[value % 5], ce_id=event_id)

    async def all_there() -> bool:
        return len(await effects(engine)) >= 40

    async with consuming(settings, engine, topic, topic, {TYPE: record}):
        await until(all_there)
    found = await effects(engine)
    assert len(found) == 40
    for key in keys:
        values = [value for of, value in found if of == key]
        assert values == sorted(values)


async def test_names_in_kafka_carry_the_prefix(
    settings: ServiceSettings,
    engine: AsyncEngine,
    topic: str,
    producer: AIOKafkaProducer,
    kafka: Kafka,
) -> None:
    prefix, declared = topic[:5], topic[5:]
    scoped = settings.model_copy(update={"kafka_topic_prefix": prefix})
    await send(producer, topic, b"{not json")
    await send(producer, topic, 7)

    async def handled() -> bool:
        return await effects(engine) == [("k", 7)]

    async with consuming(scoped, engine, declared, declared, {TYPE: record}):
        await until(handled)
    [letter] = await letters(kafka, topic_of(topic, declared), 1)
    assert letter["dlt_group"] == declared
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:
        groups = {name for name, *_ in await admin.list_consumer_groups()}
    finally:
        await admin.close()
    assert topic in groups
    assert declared not in groups


async def test_poison_goes_to_the_dead_letters_with_its_provenance(
    settings: ServiceSettings,
    engine: AsyncEngine,
    topic: str,
    producer: AIOKafkaProducer,
    kafka: Kafka,
) -> None:
    async def handler(connection: AsyncConnection, event: ReceivedEvent) -> None:
        await record(connection, event)
        if event.data["value"] == 666:
            raise RuntimeError("bug")

    await send(producer, topic, 1)
    await send(producer, topic, b"{not json")
    await send(producer, topic, b'{"value": 1, "pad": "' + b"x" * 600_000 + b'"}')
    await send(producer, topic, 666)
    await send(producer, topic, b"\xff", ce_type="minishop.test.unknown.v1")
    await send(producer, topic, b"\xff", ce_type="minishop.test.happened.v9")
    await send(producer, topic, 2)

    async def last_is_there() -> bool:
        return ("k", 2) in await effects(engine)

    async with consuming(settings, engine, topic, topic, {TYPE: handler}):
        await until(last_is_there)
    assert await effects(engine) == [("k", 1), ("k", 2)]
    found = await letters(kafka, topic_of(topic, topic), 3)
    assert {letter["dlt_reason"] for letter in found} == {"not_json", "too_large", "handler_error"}
    bug = next(letter for letter in found if letter["dlt_reason"] == "handler_error")
    assert bug["dlt_error"] == "RuntimeError('bug')"
    assert (bug["dlt_topic"], bug["dlt_offset"], bug["dlt_tries"]) == (topic, "3", "3")
    assert bug["ce_type"] == TYPE
    assert bug["value"] == b'{"value":666}'


async def test_a_temporary_error_holds_its_partition_only(
    settings: ServiceSettings, engine: AsyncEngine, topic: str, producer: AIOKafkaProducer
) -> None:
    healed = asyncio.Event()

    async def handler(connection: AsyncConnection, event: ReceivedEvent) -> None:
        if event.key == "a" and not healed.is_set():
            raise TemporaryError
        await record(connection, event)

    # Keys a and b fall on different partitions of three (murmur2).
    for value in range(3):
        await send(producer, topic, value, key="a")
    for value in range(3):
        await send(producer, topic, value, key="b")

    async def has(key: str) -> bool:
        return [value for of, value in await effects(engine) if of == key] == [0, 1, 2]

    async with consuming(settings, engine, topic, topic, {TYPE: handler}):
        await until(lambda: has("b"))
        assert not await has("a")
        healed.set()
        await until(lambda: has("a"))
    assert len(await effects(engine)) == 6


async def test_a_store_that_goes_away_is_waited_for(
    settings: ServiceSettings, engine: AsyncEngine, topic: str, producer: AIOKafkaProducer
) -> None:
    async def broken(connection: AsyncConnection, event: ReceivedEvent) -> None:
        await record(connection, event)
        if event.data["value"] == 5 and not killed.is_set():
            killed.set()
            await connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))

    killed = asyncio.Event()
    for value in range(10):
        await send(producer, topic, value)

    async def all_there() -> bool:
        return len(await effects(engine)) >= 10

    async with consuming(settings, engine, topic, topic, {TYPE: broken}):
        await until(all_there)
    assert killed.is_set()
    assert await effects(engine) == [("k", value) for value in range(10)]


async def test_partitions_move_mid_batch_and_nothing_is_lost_or_doubled(
    settings: ServiceSettings, engine: AsyncEngine, topic: str, producer: AIOKafkaProducer
) -> None:
    async def slow(connection: AsyncConnection, event: ReceivedEvent) -> None:
        await record(connection, event)
        await asyncio.sleep(0.003)

    for value in range(300):
        await send(producer, topic, value, key=f"key-{value % 7}")

    async def count(at_least: int) -> bool:
        return len(await effects(engine)) >= at_least

    async with consuming(settings, engine, topic, topic, {TYPE: slow}):
        await until(lambda: count(1))
        async with consuming(settings, engine, topic, topic, {TYPE: slow}):
            for value in range(300, 600):
                await send(producer, topic, value, key=f"key-{value % 7}")
        await until(lambda: count(600))
    found = await effects(engine)
    assert len(found) == 600
    for n in range(7):
        values = [value for key, value in found if key == f"key-{n}"]
        assert values == sorted(values)


async def test_a_restart_takes_nothing_twice(
    settings: ServiceSettings, engine: AsyncEngine, topic: str, producer: AIOKafkaProducer
) -> None:
    calls: list[int] = []

    async def handler(connection: AsyncConnection, event: ReceivedEvent) -> None:
        calls.append(event.data["value"])
        await record(connection, event)

    async def count(exactly: int) -> bool:
        return len(await effects(engine)) == exactly

    await send(producer, topic, 1)
    async with consuming(settings, engine, topic, topic, {TYPE: handler}):
        await until(lambda: count(1))
    await send(producer, topic, 2)
    async with consuming(settings, engine, topic, topic, {TYPE: handler}):
        await until(lambda: count(2))
    assert calls == [1, 2]
