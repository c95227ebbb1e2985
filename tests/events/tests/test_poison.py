"""Messages that no handler can take: the partition moves on, and each is accounted for."""

from dataclasses import dataclass, replace

import orjson
import pytest
from shop_event_path import topics
from shop_event_path.consuming import consuming, until
from shop_event_path.ledgers import Ledger
from shop_event_path.outboxes import TYPE, PostgresOutbox, counted
from shop_servers.servers import Kafka
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_operator.cli.dead_letter_log import open_letters, redrive
from shop_operator.cli.kafka_log import open_log
from shop_shared.messaging.cloud_events import Record, header
from shop_shared.messaging.dead_letters import topic_of
from shop_shared.messaging.events import MAX_EVENT_BYTES, Event, ReceivedEvent

BUG = 666
pytestmark = pytest.mark.parametrize("uncaptured", ["postgres"], indirect=True)


@dataclass
class Consumer:
    """One whose handler has a bug, until it is fixed."""

    book: Ledger
    fixed: bool = False

    async def write(self, tx: AsyncConnection, event: ReceivedEvent) -> None:
        await self.book.write(tx, event)
        if event.data["n"] == BUG and not self.fixed:
            raise ZeroDivisionError


def poison(aggregate: str) -> dict[str, Event]:
    """By what becomes of it: the reason of a dead letter, or nothing."""
    good = counted(aggregate, 0)
    return {
        "not_json": replace(counted(aggregate, 0), payload=b"{oops"),
        "invalid_payload": replace(counted(aggregate, 0), payload=b'{"n": "many"}'),
        "handler_error": counted(aggregate, BUG),
        "too_large": replace(
            counted(aggregate, 0),
            payload=orjson.dumps({"n": 1, "padding": "x" * MAX_EVENT_BYTES}),
        ),
        "not_an_event": replace(counted(aggregate, 0), type=""),
        "ignored: unknown type": replace(good, type="minishop.test.unheard_of.v1"),
        "ignored: unknown version": replace(
            counted(aggregate, 0), type=TYPE.replace(".v1", ".v2"), payload=b"{oops"
        ),
    }


async def dead(kafka: Kafka, outbox: PostgresOutbox, count: int) -> list[Record]:
    return await topics.read(
        kafka.bootstrap_servers,
        topic_of(outbox.topic, "ledger"),
        until=lambda records: len(records) >= count,
    )


async def test_each_kind_is_a_dead_letter_or_ignored_and_the_partition_moves_on(
    kafka: Kafka, uncaptured: PostgresOutbox, book: Ledger
) -> None:
    bad = poison(uncaptured.name)
    sent: list[Event] = []
    for n, event in enumerate(bad.values()):
        sent += [counted(uncaptured.name, n), event]
    sent.append(counted(uncaptured.name, len(bad)))
    await topics.send(kafka.bootstrap_servers, uncaptured.topic, sent)

    async def all_good_ones() -> bool:
        return (await book.read()).get("one") == list(range(len(bad) + 1))

    async with consuming(uncaptured, book, Consumer(book).write, group="ledger"):
        await until(all_good_ones, seconds=180)
    expected = {reason for reason in bad if not reason.startswith("ignored")}
    letters = {header(letter, "dlt_reason"): letter for letter in await dead(kafka, uncaptured, 5)}
    assert letters.keys() == expected
    for reason, letter in letters.items():
        assert letter.value == bad[reason or ""].payload
        assert header(letter, "dlt_topic") == uncaptured.topic
        assert header(letter, "dlt_offset") == str(sent.index(bad[reason or ""]))
        assert header(letter, "dlt_error")
        assert header(letter, "ce_id") == (str(bad[reason or ""].id))
    assert header(letters["handler_error"], "dlt_tries") == "3"


async def test_a_dead_letter_sent_back_after_the_fix_has_its_effect_once(
    kafka: Kafka, uncaptured: PostgresOutbox, book: Ledger
) -> None:
    bug = counted(uncaptured.name, BUG)
    await topics.send(kafka.bootstrap_servers, uncaptured.topic, [bug])
    consumer = Consumer(book)
    async with consuming(uncaptured, book, consumer.write, group="ledger"):
        [letter] = await dead(kafka, uncaptured, 1)
        assert await book.read() == {}
        consumer.fixed = True
        assert header(letter, "ce_id") == str(bug.id)
        async with open_log(kafka.bootstrap_servers) as log:
            topic = topic_of(uncaptured.topic, "ledger")
            ours = [each for each in await open_letters(log) if each.message.topic == topic]
            # As an impatient person does it.
            assert [await redrive(log, ours), await redrive(log, ours)] == [1, 1]
        last = counted(uncaptured.name, 1)
        await topics.send(kafka.bootstrap_servers, uncaptured.topic, [last])

        async def arrived() -> bool:
            return 1 in (await book.read()).get("one", [])

        await until(arrived, seconds=180)
    assert await book.read() == {"one": [BUG, 1]}
