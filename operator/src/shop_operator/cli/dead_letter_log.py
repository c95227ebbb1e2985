"""Reads dead letters from `<topic>.<group>.dlt` and redrives them to their topics.

A redriven letter can't be deleted from its topic; a marker message in the topic settles it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer

from shop_operator.cli.kafka_log import KafkaLog, Message

SUFFIX = ".dlt"
SETTLED = "dlt_settled"


class GoneError(Exception):
    """The original message of a dead letter is no longer in its topic."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter that has not been redriven yet."""

    message: Message

    @property
    def id(self) -> str:
        """topic:partition:offset."""
        return f"{self.message.topic}:{self.message.partition}:{self.message.offset}"

    def data(self) -> dict[str, Any]:
        """Return its fields for output."""
        message = self.message
        headers = {name: message.header(name) for name, _ in message.headers}
        return {
            "id": self.id,
            "time": headers.pop("dlt_time", None),
            "group": headers.pop("dlt_group", None),
            "reason": headers.pop("dlt_reason", None),
            "error": headers.pop("dlt_error", None),
            "tries": headers.pop("dlt_tries", None),
            "origin": ":".join(
                headers.pop(f"dlt_{part}", None) or "?" for part in ("topic", "partition", "offset")
            ),
            "type": headers.get("ce_type"),
            "key": message.key.decode(errors="replace") if message.key else None,
            "headers": headers,
            "payload": message.value.decode(errors="replace") if message.value else None,
        }


async def open_letters(log: KafkaLog) -> list[DeadLetter]:
    """Return the dead letters that are not settled, oldest first."""
    topics = [topic for topic in log.topics() if topic.endswith(SUFFIX)]
    messages = await log.read(topics)
    settled = {f"{each.topic}:{each.header(SETTLED)}" for each in messages}
    letters = [DeadLetter(each) for each in messages if each.header(SETTLED) is None]
    found = [letter for letter in letters if letter.id not in settled]
    return sorted(found, key=lambda letter: letter.message.timestamp)


async def redrive(log: KafkaLog, letters: Iterable[DeadLetter]) -> int:
    """Send dead letters back to their original topics and mark them settled; return how many.

    Each keeps its partition and event id, so groups that already processed it skip it by their
    inbox. After an interruption it can be run again. Raises GoneError.
    """
    count = 0
    async with log.producer() as producer:
        for letter in letters:
            await _send_back(log, producer, letter)
            count += 1
    return count


async def _send_back(log: KafkaLog, producer: AIOKafkaProducer, letter: DeadLetter) -> None:
    message = letter.message
    topic = message.header("dlt_topic") or ""
    partition = int(message.header("dlt_partition") or 0)
    value = message.value
    if message.header("dlt_value_omitted"):
        origin = await log.read_one(topic, partition, int(message.header("dlt_offset") or 0))
        if origin is None:
            raise GoneError(f"{letter.id}: {topic} no longer has the message")
        value = origin.value
    headers = [
        (name, bytes(text))
        for name, text in message.headers
        if text is not None and not name.startswith("dlt_") and name != "redriven_from"
    ]
    headers.append(("redriven_from", letter.id.encode()))
    await producer.send_and_wait(topic, value, message.key, partition=partition, headers=headers)
    marker = f"{message.partition}:{message.offset}".encode()
    await producer.send_and_wait(message.topic, None, message.key, headers=[(SETTLED, marker)])
