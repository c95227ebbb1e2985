"""`kubectl shop dead-letters` and `trace` on a real Kafka."""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaTimeoutError
from shop_servers.servers import Kafka

from shop_operator.cli import dead_letters, trace
from shop_operator.cli.kafka_log import KafkaLog, open_log
from shop_operator.cli.main import parser
from shop_operator.settings import Settings


@pytest.fixture
async def topic(kafka: Kafka) -> AsyncIterator[str]:
    name = f"{kafka.name()}.events"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await admin.create_topics(
        [
            NewTopic(name, num_partitions=3, replication_factor=1),
            NewTopic(f"{name}.g.dlt", num_partitions=1, replication_factor=1),
        ]
    )
    yield name
    await admin.delete_topics([name, f"{name}.g.dlt"])
    await admin.close()


@pytest.fixture
async def producer(kafka: Kafka) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers) as producer:
        yield producer


def options(kafka: Kafka, *words: str) -> argparse.Namespace:
    return parser().parse_args([*words, "--kafka", kafka.bootstrap_servers])


async def bury(producer: AIOKafkaProducer, topic: str, key: str, reason: str) -> None:
    headers = {
        "ce_id": f"id-of-{key}",
        "ce_type": "minishop.test.happened.v1",
        "dlt_reason": reason,
        "dlt_error": "KeyError('x')",
        "dlt_topic": topic,
        "dlt_partition": "2",
        "dlt_offset": "7",
        "dlt_group": topic,
    }
    await producer.send_and_wait(
        f"{topic}.g.dlt",
        b'{"a":1}',
        key.encode(),
        headers=[(name, value.encode()) for name, value in headers.items()],
    )


async def listed(
    kafka: Kafka, topic: str, capsys: pytest.CaptureFixture[str], *more: str
) -> list[dict[str, str]]:
    words = options(kafka, "dead-letters", "list", "--group", topic, "-o", "json", *more)
    assert await dead_letters.run(Settings(), words) == 0
    found: list[dict[str, str]] = json.loads(capsys.readouterr().out)
    return found


async def test_dead_letters_are_listed_shown_and_sent_back(
    kafka: Kafka,
    topic: str,
    producer: AIOKafkaProducer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await bury(producer, topic, "a", "handler_error")
    await bury(producer, topic, "b", "not_json")
    await bury(producer, topic, "c", "handler_error")

    found = await listed(kafka, topic, capsys)
    assert [each["key"] for each in found] == ["a", "b", "c"]
    assert found[0]["origin"] == f"{topic}:2:7"
    bugs = await listed(kafka, topic, capsys, "--reason", "handler_error")
    assert [each["key"] for each in bugs] == ["a", "c"]

    assert (
        await dead_letters.run(Settings(), options(kafka, "dead-letters", "show", found[1]["id"]))
        == 0
    )
    assert 'payload: {"a":1}' in capsys.readouterr().out

    words = options(kafka, "dead-letters", "redrive", "--group", topic, "--reason", "handler_error")
    assert await dead_letters.run(Settings(), words) == 0
    assert capsys.readouterr().out == "sent back: 2\n"
    assert [each["key"] for each in await listed(kafka, topic, capsys)] == ["b"]

    async with open_log(kafka.bootstrap_servers) as log:
        back = await log.read([topic])
    assert [(each.key, each.value, each.partition) for each in back] == [
        (b"a", b'{"a":1}', 2),
        (b"c", b'{"a":1}', 2),
    ]
    assert back[0].header("ce_id") == "id-of-a"
    assert back[0].header("dlt_reason") is None
    assert back[0].header("redriven_from") == found[0]["id"]

    again = options(kafka, "dead-letters", "redrive", found[0]["id"])
    assert await dead_letters.run(Settings(), again) == 2
    assert "has been sent back" in capsys.readouterr().err


async def test_redrive_wants_to_be_told_which(
    kafka: Kafka, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await dead_letters.run(Settings(), options(kafka, "dead-letters", "redrive")) == 2
    assert "say which" in capsys.readouterr().err


async def test_an_omitted_value_is_read_where_it_came_from(
    kafka: Kafka, topic: str, producer: AIOKafkaProducer
) -> None:
    sent = await producer.send_and_wait(topic, b"the whole of it", b"k", partition=1)
    headers = [("dlt_topic", topic), ("dlt_partition", "1"), ("dlt_offset", str(sent.offset))]
    headers += [("dlt_value_omitted", "15"), ("dlt_group", topic)]
    await producer.send_and_wait(
        f"{topic}.g.dlt", None, b"k", headers=[(name, text.encode()) for name, text in headers]
    )
    words = options(kafka, "dead-letters", "redrive", "--group", topic)
    assert await dead_letters.run(Settings(), words) == 0
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest"
    ) as consumer:
        values = [(await consumer.getone()).value for _ in range(2)]
    assert values == [b"the whole of it"] * 2


async def test_a_trace_is_the_orders_events_in_order(
    kafka: Kafka, topic: str, producer: AIOKafkaProducer, capsys: pytest.CaptureFixture[str]
) -> None:
    order_id = str(uuid4())
    start = datetime.now(UTC)
    for key, name, after in (
        (order_id, "order.placed", 0),
        (str(uuid4()), "order.placed", 1),
        (order_id, "payment.captured", 40),
        (order_id, "inventory.reserved", 15),
    ):
        headers = {
            "ce_type": f"minishop.{name}.v1",
            "ce_time": (start + timedelta(milliseconds=after)).isoformat(),
            "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
        }
        await producer.send_and_wait(
            topic,
            b"{}",
            key.encode(),
            headers=[(header, text.encode()) for header, text in headers.items()],
        )
    await bury(producer, topic, order_id, "handler_error")

    assert await trace.run(Settings(), options(kafka, "trace", order_id, "-o", "json")) == 0
    *found, letter = json.loads(capsys.readouterr().out)
    assert [each["type"] for each in found] == [
        "minishop.order.placed.v1",
        "minishop.inventory.reserved.v1",
        "minishop.payment.captured.v1",
    ]
    assert [(each["at_ms"], each["hop_ms"]) for each in found] == [(0, 0), (15, 15), (40, 25)]
    assert letter["reason"] == "handler_error"

    assert await trace.run(Settings(), options(kafka, "trace", order_id)) == 0
    text = capsys.readouterr().out
    assert "     15.0 ms      +15.0  inventory.reserved.v1" in text
    assert f"trace: {'a' * 32}" in text

    assert await trace.run(Settings(), options(kafka, "trace", str(uuid4()))) == 2


async def test_a_topic_that_goes_while_it_is_read_ends_the_reading(
    kafka: Kafka, topic: str, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await producer.send_and_wait(topic, b"{}")
    starts = KafkaLog._starts

    async def starts_and_goes(log: KafkaLog, *asked: Any) -> Any:
        found = await starts(log, *asked)
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
        await admin.start()
        await admin.delete_topics([topic])
        while topic in await admin.list_topics():
            await asyncio.sleep(0.1)
        await admin.close()
        return found

    monkeypatch.setattr(KafkaLog, "_starts", starts_and_goes)
    monkeypatch.setattr(KafkaLog, "patience_seconds", 3.0)
    async with open_log(kafka.bootstrap_servers) as log:
        with pytest.raises(KafkaTimeoutError, match=f"{topic}.*is it gone"):
            await log.read([topic])
