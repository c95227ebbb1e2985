"""What a consumer does with poison, and while its store is away."""

import asyncio

import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from shop_servers.servers import Kafka
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_shared.messaging.consumer import TemporaryError
from shop_shared.messaging.dead_letters import topic_of
from shop_shared.messaging.events import ReceivedEvent
from shop_shared.settings import ServiceSettings

from .conftest import TYPE, consuming, effects, letters, record, send, until, until_effects


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

    async with consuming(settings, engine, topic, topic, {TYPE: broken}):
        await until_effects(engine, 10)
    assert killed.is_set()
    assert await effects(engine) == [("k", value) for value in range(10)]
