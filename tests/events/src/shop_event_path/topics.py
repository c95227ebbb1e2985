"""Topics and what is in them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shop_shared.messaging.cloud_events import Record, header
from shop_shared.messaging.events import Event

PARTITIONS = 3


async def create(bootstrap_servers: str, topic: str) -> None:
    """Make a topic, as the operator's KafkaTopic does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
        for name, code, *_ in answer.topic_errors:
            if code:
                raise RuntimeError(f"{name}: error {code}")
    finally:
        await admin.close()


async def drop(bootstrap_servers: str, *topics: str) -> None:
    """Delete topics with all that is in them."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_topics(list(topics))
    finally:
        await admin.close()


async def read(
    bootstrap_servers: str,
    topic: str,
    *,
    until: Callable[[Sequence[Record]], bool],
    within: float = 180,
) -> list[Record]:
    """Everything in a topic from its beginning, once `until` is satisfied with it.

    Raises TimeoutError after `within` seconds, saying how many came.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    records: list[Record] = []
    try:
        consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
        async with asyncio.timeout(within):
            while not until(records):
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    records += batch
    except TimeoutError as error:
        raise TimeoutError(f"{topic}: {len(records)} records within {within} s") from error
    finally:
        await consumer.stop()
    return records


async def joined(bootstrap_servers: str, groups: Mapping[str, int], *, within: float = 180) -> None:
    """Wait until each group has that many consumers, with the partitions dealt out among them.

    Raises TimeoutError after `within` seconds.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        async with asyncio.timeout(within):
            for group, wanted in groups.items():
                state, members = "", 0
                while (state, members) != ("Stable", wanted):
                    await asyncio.sleep(0.2)
                    [answer] = await admin.describe_consumer_groups([group])
                    [(_, _, state, _, _, found, *_)] = answer.groups
                    members = len(found)
    finally:
        await admin.close()


def numbers(records: Sequence[Record]) -> dict[str, list[int]]:
    """The numbers of `counted` events, a list a key, each event once, in order of arrival."""
    first = {header(record, "ce_id"): record for record in reversed(records)}
    once = [record for record in records if first[header(record, "ce_id")] is record]
    by_key: dict[str, list[int]] = {}
    for record in once:
        number = orjson.loads(record.value or b"null")["n"]
        by_key.setdefault((record.key or b"").decode(), []).append(number)
    return by_key


async def read_up_to(bootstrap_servers: str, topic: str, last: int) -> list[int]:
    """The numbers of the key `one`, once the last of them is there. Raises TimeoutError."""
    records = await read(
        bootstrap_servers,
        topic,
        until=lambda seen: numbers(seen).get("one", [-1])[-1] == last,
    )
    return numbers(records)["one"]


async def send(bootstrap_servers: str, topic: str, events: Sequence[Event]) -> None:
    """Put events on a topic as Debezium does, without it."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers, acks="all", max_request_size=2**24
    )
    await producer.start()
    try:
        for event in events:
            await producer.send(topic, event.payload, event.key.encode(), headers=_headers(event))
        await producer.flush()
    finally:
        await producer.stop()


def _headers(event: Event) -> list[tuple[str, bytes]]:
    found = {
        "ce_id": str(event.id),
        "ce_type": event.type,
        "ce_source": event.source,
        "ce_specversion": "1.0",
        "ce_time": event.time.isoformat(),
        "content-type": "application/json",
    }
    return [(name, value.encode()) for name, value in found.items()]
