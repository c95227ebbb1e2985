"""What metrics tell of partitions: which the group has given here, which wait for a store."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiokafka.structs import TopicPartition
from prometheus_client import REGISTRY

from shop_shared.messaging import consumer
from shop_shared.messaging.dead_letters import DeadLetter
from shop_shared.messaging.dispatch import Dispatcher, TemporaryError
from shop_shared.messaging.events import ReceivedEvent

from .test_dispatch import PARTITION, Message

TYPE = "minishop.stock.moved.v1"
EVENT = Message(
    b"{}",
    [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"6f1c1f2e-8d0a-4c55-9f0e-0d5a4c1d2b3a"),
        ("ce_source", b"/product"),
        ("ce_type", TYPE.encode()),
        ("content-type", b"application/json"),
    ],
)


def shown(group: str) -> float | None:
    return REGISTRY.get_sample_value("event_partitions_paused", {"group": group})


class OnePartition:
    """A Kafka consumer that hands out one event, again and again until it was committed."""

    def __init__(self, group: str) -> None:
        self.seen: list[float | None] = []
        """What was shown at each fetch."""
        self.fetched = asyncio.Condition()
        self.paused = asyncio.Event()
        self._group = group

    def assignment(self) -> set[TopicPartition]:
        return {PARTITION}

    def pause(self, _partition: TopicPartition) -> None:
        self.paused.set()

    def resume(self, _partition: TopicPartition) -> None:
        self.paused.clear()

    def seek(self, _partition: TopicPartition, _offset: int) -> None:
        pass

    def highwater(self, _partition: TopicPartition) -> int:
        return 1

    async def commit(self, _offsets: Mapping[TopicPartition, int]) -> None:
        pass

    async def getmany(self, *, timeout_ms: int) -> Mapping[TopicPartition, Sequence[Message]]:
        if self.paused.is_set():
            await asyncio.sleep(timeout_ms / 1000)
            return {}
        async with self.fetched:
            self.seen.append(shown(self._group))
            self.fetched.notify_all()
        return {PARTITION: [EVENT]}

    async def until_fetched(self, times: int) -> None:
        async with self.fetched:
            await self.fetched.wait_for(lambda: len(self.seen) >= times)


class Inbox:
    """Knows no event, and keeps none."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        yield

    async def insert_new(self, _tx: None, _group: str, ids: Sequence[str]) -> set[str]:
        return set(ids)

    def is_temporary(self, _error: BaseException) -> bool:
        return False


class Store:
    """A handler's store, which is away at first."""

    def __init__(self) -> None:
        self.away = True

    async def handle(self, _tx: None, _event: ReceivedEvent) -> None:
        if self.away:
            raise TemporaryError


@asynccontextmanager
async def running(loop: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(loop.run())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def never(_letters: Sequence[DeadLetter]) -> None:
    pytest.fail("it waits for its store")


def loop_of(kafka: OnePartition, store: Store, group: str) -> Any:
    handling = Dispatcher(
        group=group, handlers={TYPE: store.handle}, inbox=Inbox(), publish_dead_letters=never
    )
    return consumer._Loop(kafka, handling)


async def test_a_partition_waits_also_while_its_event_is_tried_again() -> None:
    kafka, store = OnePartition("again"), Store()
    async with running(loop_of(kafka, store, "again")):
        await kafka.until_fetched(3)
        store.away = False
        await kafka.until_fetched(5)
    assert kafka.seen[1:3] == [1, 1]
    assert kafka.seen[4] == 0


async def test_a_partition_that_another_consumer_has_now_does_not_wait_here() -> None:
    kafka, store = OnePartition("moved"), Store()
    loop = loop_of(kafka, store, "moved")
    async with running(loop):
        await kafka.paused.wait()
        await loop.on_partitions_revoked({PARTITION})
        assert shown("moved") == 0


async def test_during_a_rebalance_there_are_no_partitions_here() -> None:
    def assigned() -> float | None:
        return REGISTRY.get_sample_value("event_partitions_assigned", {"group": "rebalanced"})

    loop = loop_of(OnePartition("rebalanced"), Store(), "rebalanced")
    await loop.on_partitions_assigned({PARTITION})
    assert assigned() == 1
    await loop.on_partitions_revoked({PARTITION})
    assert assigned() == 0
