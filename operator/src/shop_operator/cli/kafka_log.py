"""Reads whole Kafka topics without a consumer group."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaTimeoutError
from aiokafka.partitioner import murmur2
from aiokafka.structs import TopicPartition

MAX_MESSAGE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """A Kafka message with its topic, partition and offset."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    """Milliseconds since 1970, of the broker or the connector."""
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    def header(self, name: str) -> str | None:
        """Return the header's text, if it is there."""
        for key, value in self.headers:
            if key == name and value is not None:
                return bytes(value).decode(errors="replace")
        return None


class KafkaLog:
    """The messages of the topics."""

    patience_seconds = 30.0
    """How long the next message of a topic that has more is waited for."""

    def __init__(
        self, consumer: AIOKafkaConsumer, partitions: Mapping[str, list[int]], servers: str
    ) -> None:
        self._consumer = consumer
        self._partitions = partitions
        self._servers = servers

    def topics(self) -> set[str]:
        """Return the topics that existed when the log was opened."""
        return set(self._partitions)

    async def read(
        self, topics: Iterable[str], *, key: str | None = None, since: datetime | None = None
    ) -> list[Message]:
        """Return the messages of the topics up to now; with `key`, only those of its partition.

        Raises aiokafka.errors.KafkaTimeoutError where none comes any more: of a topic that is gone.
        """
        places = [place for topic in sorted(topics) for place in self._places(topic, key)]
        if not places:
            return []
        ends = {place: end for place, end in (await self._ends(places)).items() if end > 0}
        starts = await self._starts(ends.keys(), since)
        left = {place: end for place, end in ends.items() if starts[place] < end}
        self._consumer.assign(list(left))
        for place in left:
            self._consumer.seek(place, starts[place])
        found: list[Message] = []
        try:
            while left:
                async with asyncio.timeout(self.patience_seconds):
                    await self._read_on(found, left)
        except TimeoutError as error:
            waited_for = ", ".join(sorted(f"{each.topic}-{each.partition}" for each in left))
            raise KafkaTimeoutError(f"nothing came of {waited_for}: is it gone?") from error
        return [
            each for each in found if each.offset < ends[TopicPartition(each.topic, each.partition)]
        ]

    async def _read_on(self, found: list[Message], left: dict[TopicPartition, int]) -> None:
        """Read until a message comes, and take out of `left` where the end is reached."""
        came = False
        while left and not came:
            for records in (await self._consumer.getmany(timeout_ms=500)).values():
                found += [_message(record) for record in records]
                came = True
            for place in [
                each for each in left if await self._consumer.position(each) >= left[each]
            ]:
                del left[place]
                self._consumer.pause(place)

    async def read_one(self, topic: str, partition: int, offset: int) -> Message | None:
        """Return one message, or None if it is no longer in the topic."""
        place = TopicPartition(topic, partition)
        first = (await self._consumer.beginning_offsets([place]))[place]
        end = (await self._ends([place]))[place]
        if not first <= offset < end:
            return None
        self._consumer.assign([place])
        self._consumer.seek(place, offset)
        message = _message(await self._consumer.getone(place))
        return message if message.offset == offset else None

    @asynccontextmanager
    async def producer(self) -> AsyncIterator[AIOKafkaProducer]:
        """Connect a producer whose sends are kept by all replicas."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            acks="all",
            enable_idempotence=True,
            max_request_size=MAX_MESSAGE,
        )
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    def _places(self, topic: str, key: str | None) -> list[TopicPartition]:
        partitions = self._partitions.get(topic, [])
        if key is not None and partitions:
            # As Kafka's own producers choose it, and so Debezium.
            chosen = (murmur2(key.encode()) & 0x7FFFFFFF) % len(partitions)
            partitions = [partitions[chosen]]
        return [TopicPartition(topic, partition) for partition in partitions]

    async def _ends(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets(list(places))
        return ends

    async def _starts(
        self, places: Collection[TopicPartition], since: datetime | None
    ) -> dict[TopicPartition, int]:
        if not places:
            return {}
        first: dict[TopicPartition, int] = await self._consumer.beginning_offsets(list(places))
        if since is None:
            return first
        at = int(since.timestamp() * 1000)
        found = await self._consumer.offsets_for_times(dict.fromkeys(places, at))
        ends = await self._ends(places)
        return {place: each.offset if each else ends[place] for place, each in found.items()}


@asynccontextmanager
async def open_log(servers: str) -> AsyncIterator[KafkaLog]:
    """Connect. Raises aiokafka.errors.KafkaError."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=MAX_MESSAGE,
    )
    try:
        await consumer.start()
        yield KafkaLog(consumer, await _partitions(servers), servers)
    finally:
        await consumer.stop()


async def _partitions(servers: str) -> dict[str, list[int]]:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    try:
        await admin.start()
        return {
            each["topic"]: sorted(partition["partition"] for partition in each["partitions"])
            for each in await admin.describe_topics()
        }
    finally:
        await admin.close()


def _message(record: Any) -> Message:  # noqa: ANN401 - aiokafka's record has no types
    return Message(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=record.timestamp,
        key=record.key,
        value=record.value,
        headers=tuple((name, value) for name, value in record.headers),
    )
