"""kill -9 of a consumer, wherever it is: each effect exactly once, each key in order."""

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from shop_event_path import topics
from shop_event_path.children import Spawn, consumers, killed_itself
from shop_event_path.consumer import AFTER_COMMIT, BEFORE_COMMIT
from shop_event_path.ledgers import Ledger, ledger
from shop_event_path.outboxes import Outbox, counted, create_mongodb, create_postgres
from shop_servers.servers import Kafka, MongoDB, Postgres

KEYS = ("one", "two", "three", "four", "five", "six")
COUNT = 50
WITHIN = 180
"""Seconds that no test needs on a machine of its own."""


@pytest.fixture(params=["postgres", "mongodb"])
async def outbox(
    request: pytest.FixtureRequest, postgres: Postgres, mongodb: MongoDB, kafka: Kafka
) -> AsyncIterator[Outbox]:
    made: Outbox
    if request.param == "postgres":
        made = await create_postgres(postgres.url, kafka.bootstrap_servers)
    else:
        made = await create_mongodb(mongodb.url, kafka.bootstrap_servers)
    await topics.create(kafka.bootstrap_servers, made.topic)
    yield made
    await made.drop()


@pytest.fixture
async def book(outbox: Outbox) -> AsyncIterator[Ledger]:
    async with ledger(outbox.settings) as found:
        yield found


async def send(kafka: Kafka, outbox: Outbox, *, count: int) -> None:
    events = [counted(outbox.name, n, key=key) for n in range(count) for key in KEYS]
    await topics.send(kafka.bootstrap_servers, outbox.topic, events)


def in_order(count: int) -> dict[str, list[int]]:
    return {key: list(range(count)) for key in KEYS}


async def until(book: Ledger, total: int) -> dict[str, list[int]]:
    """The ledger, once it has this many entries (more would be a repetition)."""
    async with asyncio.timeout(WITHIN):
        while sum(map(len, (await book.read()).values())) < total:
            await asyncio.sleep(0.1)
    return await book.read()


@pytest.mark.parametrize("crash", [BEFORE_COMMIT, AFTER_COMMIT])
async def test_a_consumer_killed_around_its_commit(
    kafka: Kafka, outbox: Outbox, book: Ledger, crash: str
) -> None:
    await send(kafka, outbox, count=COUNT)
    async with consumers(outbox, group=f"{outbox.name}-ledger") as spawn:
        await killed_itself(await spawn("--crash", crash, "--at", "30"))
        written = sum(map(len, (await book.read()).values()))
        assert (written == 0) is (crash == BEFORE_COMMIT)
        await spawn()
        assert await until(book, COUNT * len(KEYS)) == in_order(COUNT)


async def partitions_are_to_move(kafka: Kafka, group: str, spawn: Spawn) -> None:
    """Have consumers join until the group is seen to wait for one that is amid its batch."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:
        async with asyncio.timeout(WITHIN):
            joined = 1
            while True:
                [answer] = await admin.describe_consumer_groups([group])
                [(_, _, state, _, _, members, *_)] = answer.groups
                if state == "PreparingRebalance":
                    return
                # One that joined just as the other's batch ended was not waited for.
                if state == "Stable" and len(members) == joined:
                    await spawn("--pace", "0.005")
                    joined += 1
                await asyncio.sleep(0.02)
    finally:
        await admin.close()


@pytest.mark.parametrize("outbox", ["postgres"], indirect=True)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, None])
async def test_a_partition_moves_in_the_middle_of_a_batch(
    kafka: Kafka, outbox: Outbox, book: Ledger, how: signal.Signals | None
) -> None:
    """The first consumer is killed, stopped, or lives on while a second one joins."""
    group = f"{outbox.name}-ledger"
    await send(kafka, outbox, count=COUNT * 4)
    async with consumers(outbox, group=group) as spawn:
        first = await spawn("--pace", "0.03")
        await until(book, 1)
        await partitions_are_to_move(kafka, group, spawn)
        if how is not None:
            first.send_signal(how)
        entries = await until(book, COUNT * 4 * len(KEYS))
    assert entries == in_order(COUNT * 4)
