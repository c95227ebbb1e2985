"""`kubectl shop dead-letters redrive` after a fix: each letter is consumed exactly once."""

import asyncio
import sys
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
import pytest
from shop_event_path import topics
from shop_event_path.consuming import consuming, until
from shop_event_path.ledgers import Ledger
from shop_event_path.outboxes import PostgresOutbox, counted
from shop_servers.servers import Kafka
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared.messaging.dead_letters import topic_of
from shop_shared.messaging.events import Event, ReceivedEvent

BUGS = range(1, 5)
WORD = 7
"""Said as a word, which the first version of the consumer does not read."""
pytestmark = pytest.mark.parametrize("uncaptured", ["postgres"], indirect=True)


@dataclass
class Version:
    """A version of a consumer: the first has a bug, and reads no words."""

    book: Ledger
    fixed: bool

    async def write(self, tx: AsyncConnection, event: ReceivedEvent) -> None:
        if self.fixed and event.data["n"] == "seven":
            event = replace(event, payload=orjson.dumps({"n": WORD}))
        await self.book.write(tx, event)
        if not self.fixed and event.data["n"] in BUGS:
            raise ZeroDivisionError


def deployed(outbox: PostgresOutbox, version: Version) -> AbstractAsyncContextManager[None]:
    """The consumer runs in this version; in a group of the test's own."""
    return consuming(outbox, version.book, version.write, group=outbox.name)


async def kubectl_shop(kafka: Kafka, *words: str) -> str:
    """What the command says; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("kubectl-shop"),
        *("dead-letters", *words, "--kafka", kafka.bootstrap_servers),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()


def events(outbox: PostgresOutbox) -> list[Event]:
    bugs = [counted(outbox.name, n) for n in BUGS]
    word = replace(counted(outbox.name, 0), payload=b'{"n": "seven"}')
    return [counted(outbox.name, 0), *bugs, word, counted(outbox.name, 5)]


async def test_one_then_those_of_a_reason_then_all(
    kafka: Kafka, uncaptured: PostgresOutbox, book: Ledger
) -> None:
    async def heard(*numbers: int) -> None:
        async def they_are() -> bool:
            return set(numbers) <= set((await book.read()).get("one", ()))

        await until(they_are, seconds=180)

    group = ("--group", uncaptured.name)
    await topics.send(kafka.bootstrap_servers, uncaptured.topic, events(uncaptured))
    async with deployed(uncaptured, Version(book, fixed=False)):
        await heard(0, 5)  # what came after them was not kept
    letters = orjson.loads(await kubectl_shop(kafka, "list", *group, "--output", "json"))
    assert [each["reason"] for each in letters] == ["handler_error"] * 4 + ["invalid_payload"]

    async with deployed(uncaptured, Version(book, fixed=True)):
        assert await kubectl_shop(kafka, "redrive", letters[1]["id"]) == "sent back: 1\n"
        await heard(2)
        assert await book.read() == {"one": [0, 5, 2]}
        by_reason = ("--reason", "handler_error", *group)
        assert await kubectl_shop(kafka, "redrive", *by_reason) == "sent back: 3\n"
        await heard(1, 3, 4)
        assert await book.read() == {"one": [0, 5, 2, 1, 3, 4]}
        assert await kubectl_shop(kafka, "redrive", "--all", *group) == "sent back: 1\n"
        await heard(WORD)
        assert await kubectl_shop(kafka, "redrive", "--all", *group) == "sent back: 0\n"
        await topics.send(kafka.bootstrap_servers, uncaptured.topic, [counted(uncaptured.name, 6)])
        await heard(6)
    assert await book.read() == {"one": [0, 5, 2, 1, 3, 4, WORD, 6]}
    assert await kubectl_shop(kafka, "list", *group) == "no dead letters\n"


async def test_what_fails_again_is_a_dead_letter_again(
    kafka: Kafka, uncaptured: PostgresOutbox, book: Ledger
) -> None:
    async def dead(count: int) -> None:
        await topics.read(
            kafka.bootstrap_servers,
            topic_of(uncaptured.topic, uncaptured.name),
            until=lambda letters: len(letters) >= count,
        )

    group = ("--group", uncaptured.name)
    await topics.send(
        kafka.bootstrap_servers, uncaptured.topic, [counted(uncaptured.name, BUGS[0])]
    )
    async with deployed(uncaptured, Version(book, fixed=False)):
        await dead(1)
        assert await kubectl_shop(kafka, "redrive", "--all", *group) == "sent back: 1\n"
        await dead(3)  # the first, its marker, and the second
    [letter] = orjson.loads(await kubectl_shop(kafka, "list", *group, "--output", "json"))
    assert letter["origin"].endswith(":1"), "the message that was sent back, after the first"
    assert await book.read() == {}
