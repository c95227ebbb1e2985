"""kill -9 of a consumer, wherever it is: each effect exactly once, each key in order."""

import asyncio
import signal

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from shop_event_path import topics
from shop_event_path.children import Spawn, consumers, killed_itself
from shop_event_path.consumer import AFTER_COMMIT, BEFORE_COMMIT
from shop_event_path.ledgers import Ledger
from shop_event_path.outboxes import Outbox, counted
from shop_servers.servers import Kafka

KEYS = ("one", "two", "three", "four", "five", "six")
COUNT = 50
WITHIN = 180
"""Seconds that no test needs on a machine of its own."""


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
    kafka: Kafka, uncaptured: Outbox, book: Ledger, crash: str
) -> None:
    await send(kafka, uncaptured, count=COUNT)
    async with consumers(uncaptured, group=f"{uncaptured.name}-ledger") as spawn:
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


@pytest.mark.parametrize("uncaptured", ["postgres"], indirect=True)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, None])
async def test_a_partition_moves_in_the_middle_of_a_batch(
    kafka: Kafka, uncaptured: Outbox, book: Ledger, how: signal.Signals | None
) -> None:
    """The first consumer is killed, stopped, or lives on while a second one joins."""
    group = f"{uncaptured.name}-ledger"
    await send(kafka, uncaptured, count=COUNT * 4)
    async with consumers(uncaptured, group=group) as spawn:
        first = await spawn("--pace", "0.03")
        await until(book, 1)
        await partitions_are_to_move(kafka, group, spawn)
        if how is not None:
            first.send_signal(how)
        entries = await until(book, COUNT * 4 * len(KEYS))
    assert entries == in_order(COUNT * 4)
