"""From commit to topic: nothing that was committed is lost, and a key's events keep their order."""

import orjson
from shop_event_path import topics
from shop_event_path.connectors import Connectors
from shop_event_path.outboxes import Outbox, counted
from shop_event_path.topics import numbers
from shop_servers.servers import Connect

from shop_shared.messaging.cloud_events import header

KEYS = ("one", "two", "three")


async def publish(outbox: Outbox, start: int, count: int) -> None:
    for n in range(start, start + count):
        await outbox.publish([counted(outbox.name, n, key=key) for key in KEYS])


async def arrived(connect: Connect, outbox: Outbox, count: int) -> dict[str, list[int]]:
    records = await topics.read(
        connect.bootstrap_servers,
        outbox.topic,
        until=lambda seen: sum(map(len, numbers(seen).values())) >= count * len(KEYS),
    )
    return numbers(records)


async def test_events_committed_before_the_connector_exists_arrive_in_order(
    connect: Connect, connect_api: Connectors, outbox: Outbox
) -> None:
    await publish(outbox, 0, 20)
    await connect_api.start(outbox)
    await publish(outbox, 20, 10)
    assert await arrived(connect, outbox, 30) == {key: list(range(30)) for key in KEYS}


async def test_an_event_arrives_as_a_cloud_event_with_its_payload_as_written(
    connect: Connect, connect_api: Connectors, outbox: Outbox
) -> None:
    await connect_api.start(outbox)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    event = counted(outbox.name, 7, traceparent=trace)
    await outbox.publish([event])
    [record] = await topics.read(connect.bootstrap_servers, outbox.topic, until=bool)
    assert record.key == b"one"
    assert orjson.loads(record.value or b"") == {"n": 7}
    names = ("ce_id", "ce_type", "ce_source", "ce_specversion", "content-type", "traceparent")
    assert {name: header(record, name) for name in names} == {
        "ce_id": str(event.id),
        "ce_type": event.type,
        "ce_source": event.source,
        "ce_specversion": "1.0",
        "content-type": "application/json",
        "traceparent": trace,
    }
