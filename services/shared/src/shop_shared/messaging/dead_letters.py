"""Dead letters: messages that can't be handled, kept with where they came from and why.

They go to `<topic>.<group>.dlt` with all their own headers and `dlt_*` ones. `kubectl shop
dead-letters` lists them and sends them back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, TopicAlreadyExistsError, for_code

from shop_shared.clock import now
from shop_shared.messaging.cloud_events import Record

MAX_ERROR = 2000
MAX_REQUEST_BYTES = 16 * 1024 * 1024
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message given up."""

    record: Record
    reason: str
    """not_an_event, not_json, too_large, invalid_payload or handler_error."""
    error: str
    tries: int = 1


def topic_of(topic: str, group: str) -> str:
    """Return the dead-letter topic of a topic's group."""
    return f"{topic}.{group}.dlt"


class DeadLetters:
    """Publishes a group's dead letters; connects when there is a first one."""

    def __init__(self, bootstrap_servers: str, *, group: str) -> None:
        self._servers = bootstrap_servers
        self._group = group
        self._producer: AIOKafkaProducer | None = None
        self._ready: set[str] = set()

    async def publish(self, letters: Sequence[DeadLetter]) -> None:
        """Publish, and return when all are acknowledged by all in-sync replicas.

        Raises KafkaError: then nothing of the batch may be committed.
        """
        for letter in letters:
            producer = await self._connected(letter.record.topic)
            await self._send(producer, letter)

    async def close(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            await self._producer.stop()

    async def _send(self, producer: AIOKafkaProducer, letter: DeadLetter) -> None:
        record = letter.record
        topic = topic_of(record.topic, self._group)
        headers = self._headers(letter)
        try:
            await producer.send_and_wait(topic, record.value, record.key, headers=headers)
        except MessageSizeTooLargeError:
            # It came in just under the limit and our headers put it over. The partition must move
            # on: its place is kept, and the message itself is still there.
            size = ("dlt_value_omitted", str(len(record.value or b"")).encode())
            await producer.send_and_wait(topic, None, record.key, headers=[*headers, size])
        _log.error(
            "dead letter",
            reason=letter.reason,
            error=letter.error[:200],
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            dead_letter_topic=topic,
        )

    def _headers(self, letter: DeadLetter) -> list[tuple[str, bytes]]:
        record = letter.record
        kept = [
            (name, bytes(value))
            for name, value in record.headers
            if value is not None and not name.startswith("dlt_")
        ]
        provenance = {
            "dlt_reason": letter.reason,
            "dlt_error": letter.error[:MAX_ERROR],
            "dlt_topic": record.topic,
            "dlt_partition": str(record.partition),
            "dlt_offset": str(record.offset),
            "dlt_group": self._group,
            "dlt_tries": str(letter.tries),
            "dlt_time": now().isoformat(),
        }
        return [
            *kept,
            *((name, value.encode(errors="replace")) for name, value in provenance.items()),
        ]

    async def _connected(self, origin: str) -> AIOKafkaProducer:
        if origin not in self._ready:
            await _create(self._servers, topic_of(origin, self._group), origin=origin)
            self._ready.add(origin)
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._servers,
                acks="all",
                enable_idempotence=True,
                max_request_size=MAX_REQUEST_BYTES,
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer


async def _create(servers: str, topic: str, *, origin: str) -> None:
    """Create the topic where it is missing: one partition, with as many replicas as origin."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    try:
        await admin.start()
        (described,) = await admin.describe_topics([origin])
        replicas = max((len(each["replicas"]) for each in described["partitions"]), default=1)
        created = await admin.create_topics(
            [NewTopic(topic, num_partitions=1, replication_factor=replicas)]
        )
        for _topic, code, *_message in created.topic_errors:
            if code not in {0, TopicAlreadyExistsError.errno}:
                raise for_code(code)(topic)
    except TopicAlreadyExistsError:
        pass
    except KafkaError as error:
        _log.warning("dead-letter topic not created", topic=topic, error=repr(error))
        raise
    finally:
        await admin.close()
