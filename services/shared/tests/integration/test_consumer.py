"""The consumer on a real Kafka and a real PostgreSQL."""

import asyncio

import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from shop_servers.servers import Kafka
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_shared.messaging.dead_letters import topic_of
from shop_shared.messaging.events import ReceivedEvent
from shop_shared.settings import ServiceSettings

from .conftest import TYPE, consuming, effects, letters, record, send, until, until_effects


async def test_each_event_once_and_in_order_per_key(
    settings: ServiceSettings, engine: AsyncEngine, topic: str, producer: AIOKafkaProducer
) -> None:
    keys = [f"key-{n}" for n in range(5)]
    for value in range(40):
        event_id = f"{topic}-{value}"
        for _ in range(3):
            await send(producer, topic, value, key=keys[value % 5], ce_id=event_id)

    async with consuming(settings, engine, topic, topic, {TYPE: record}):
        await until_effects(engine, 40)
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


async def test_partitions_move_mid_batch_and_nothing_is_lost_or_doubled(
    settings: ServiceSettings, engine: AsyncEngine, topic: str, producer: AIOKafkaProducer
) -> None:
    async def slow(connection: AsyncConnection, event: ReceivedEvent) -> None:
        await record(connection, event)
        await asyncio.sleep(0.003)

    for value in range(300):
        await send(producer, topic, value, key=f"key-{value % 7}")

    async with consuming(settings, engine, topic, topic, {TYPE: slow}):
        await until_effects(engine, 1)
        async with consuming(settings, engine, topic, topic, {TYPE: slow}):
            for value in range(300, 600):
                await send(producer, topic, value, key=f"key-{value % 7}")
        await until_effects(engine, 600)
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

    await send(producer, topic, 1)
    async with consuming(settings, engine, topic, topic, {TYPE: handler}):
        await until_effects(engine, 1)
    await send(producer, topic, 2)
    async with consuming(settings, engine, topic, topic, {TYPE: handler}):
        await until_effects(engine, 2)
    assert calls == [1, 2]


async def test_events_that_are_gathered_share_their_transactions(
    settings: ServiceSettings, engine: AsyncEngine, topic: str, producer: AIOKafkaProducer
) -> None:
    transactions: set[int] = set()

    async def note(connection: AsyncConnection, event: ReceivedEvent) -> None:
        await record(connection, event)
        transactions.add(await connection.scalar(sa.text("SELECT txid_current()")))

    await send(producer, topic, 0)
    async with consuming(settings, engine, topic, topic, {TYPE: note}, gather_seconds=5):
        await until_effects(engine, 1)
        for value in range(1, 21):
            await send(producer, topic, value)
        await until_effects(engine, 21)
    assert len(await effects(engine)) == 21
    assert len(transactions) <= 10


async def test_offsets_are_committed_while_nothing_more_comes_and_at_the_end(
    settings: ServiceSettings,
    engine: AsyncEngine,
    topic: str,
    producer: AIOKafkaProducer,
    kafka: Kafka,
) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()

    async def committed() -> int:
        offsets = await admin.list_consumer_group_offsets(topic)
        return sum(at.offset for at in offsets.values() if at.offset > 0)

    async def are_committed(count: int) -> bool:
        return await committed() == count

    try:
        async with consuming(settings, engine, topic, topic, {TYPE: record}):
            for value in range(3):
                await send(producer, topic, value)
            await until(lambda: are_committed(3))
            await send(producer, topic, 3)
            await until_effects(engine, 4)
        assert await committed() == 4
    finally:
        await admin.close()
