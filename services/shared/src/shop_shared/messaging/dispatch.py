"""Dispatches batches of records to handlers and decides what becomes of each record.

A batch is one transaction together with the inbox. When that fails, each message gets a transaction
of its own, so that one bad message costs no other. Stores are known as `Inbox` only, and nothing
here talks to Kafka: the caller fetches records and commits offsets.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import structlog
from aiokafka.structs import TopicPartition

from shop_shared.background import backoff
from shop_shared.clock import now
from shop_shared.messaging import cloud_events, event_metrics
from shop_shared.messaging.cloud_events import Poison, Record
from shop_shared.messaging.dead_letters import DeadLetter
from shop_shared.messaging.events import InvalidEventError, ReceivedEvent
from shop_shared.observability import telemetry

TxT = TypeVar("TxT")
Handler = Callable[[TxT, ReceivedEvent], Awaitable[None]]
Publish = Callable[[Sequence[DeadLetter]], Awaitable[None]]

_RACES = 10
"""So often a transaction is begun that loses a race each time: for a second, without its work."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.2  # seconds after a lost race
_log = structlog.get_logger(__name__)


class TemporaryError(Exception):
    """Raised by a handler or an inbox when a later try may succeed; its partition waits."""


class LostRaceError(TemporaryError):
    """Raised by an inbox when another transaction had what this one wanted: run it again now."""


class Inbox(Protocol[TxT]):
    """A store in which one transaction holds the effects of events and the ids already handled."""

    def transaction(self) -> AbstractAsyncContextManager[TxT]:
        """Open a transaction: committed at the end, rolled back on any exception.

        Raises LostRaceError where another transaction changed, unfinished, what this one wanted.
        """

    async def insert_new(self, tx: TxT, group: str, ids: Sequence[str]) -> set[str]:
        """Insert the event ids and return those that were not there yet."""

    def is_temporary(self, error: BaseException) -> bool:
        """Return True when the same work may succeed later without a change of code or data."""


class NoInbox:
    """For idempotent handlers without a store (dropping a cache); their transaction is None."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Yield None: there is no transaction."""
        yield

    async def insert_new(self, tx: None, group: str, ids: Sequence[str]) -> set[str]:  # noqa: ARG002 - the protocol's
        """Return all ids: every event counts as new."""
        return set(ids)

    def is_temporary(self, error: BaseException) -> bool:
        """Return True for connection errors and time-outs."""
        return isinstance(error, ConnectionError | TimeoutError)


@dataclass(slots=True)
class BatchResult:
    """How far a batch came: the next offset of each partition, and the partition that must wait."""

    next_offsets: dict[TopicPartition, int] = field(default_factory=dict)
    stopped_at: TopicPartition | None = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Dispatcher(Generic[TxT]):
    """Dispatches the records of one consumer group to its handlers, by event type."""

    group: str
    handlers: Mapping[str, Handler[TxT]]
    inbox: Inbox[TxT]
    publish_dead_letters: Publish
    tries: int = 3
    """How often a message is handled that fails, before it becomes a dead letter."""
    backoff: float = 0.1
    """Seconds before the second try, doubled for each further one."""
    timeout: float = 60.0
    """The most seconds a transaction may take."""

    async def handle(self, batches: Mapping[TopicPartition, Sequence[Record]]) -> BatchResult:
        """Handle the records of each partition in order.

        Every record below a partition's next offset has had its effect, or is a dead letter that
        the broker has acknowledged. Never raises for what a handler, a store or the broker did.
        """
        try:
            return await self._as_one_batch(batches)
        except Exception as error:  # noqa: BLE001 - each message will say which it was
            _log.info("batch failed, handling one by one", group=self.group, error=repr(error))
        return await self._one_by_one(batches)

    async def _as_one_batch(
        self, batches: Mapping[TopicPartition, Sequence[Record]]
    ) -> BatchResult:
        wanted: list[ReceivedEvent] = []
        dead: list[DeadLetter] = []
        ignored: list[ReceivedEvent] = []
        for records in batches.values():
            for record in records:
                match self._classify(record):
                    case Poison(reason, error):
                        dead.append(DeadLetter(record, reason, error))
                    case ReceivedEvent() as event if event.type in self.handlers:
                        wanted.append(event)
                    case ReceivedEvent() as event:
                        ignored.append(event)
        if wanted:
            await self._transact(wanted, dead)
        elif dead:
            await self.publish_dead_letters(dead)
        for letter in dead:
            self._count_dead(letter)
        for event in ignored:
            self._count(event, "ignored")
        return BatchResult(
            {partition: records[-1].offset + 1 for partition, records in batches.items()}
        )

    async def _one_by_one(self, batches: Mapping[TopicPartition, Sequence[Record]]) -> BatchResult:
        result = BatchResult()
        for partition, records in batches.items():
            for record in records:
                try:
                    await self._one(record)
                except Exception as error:  # noqa: BLE001 - reported: the caller waits and retries
                    result.stopped_at, result.error = partition, error
                    return result
                result.next_offsets[partition] = record.offset + 1
        return result

    async def _one(self, record: Record) -> None:
        match self._classify(record):
            case Poison(reason, error):
                await self._give_up(DeadLetter(record, reason, error))
            case ReceivedEvent() as event if event.type in self.handlers:
                await self._try(record, event)
            case ReceivedEvent() as event:
                self._count(event, "ignored")

    async def _try(self, record: Record, event: ReceivedEvent) -> None:
        for tries in range(1, self.tries + 1):
            try:
                await self._transact([event])
            except InvalidEventError as error:
                await self._give_up(DeadLetter(record, "invalid_payload", str(error), tries))
                return
            except Exception as error:
                event_metrics.retries.labels(self.group, event.topic).inc()
                if isinstance(error, TemporaryError) or self.inbox.is_temporary(error):
                    raise
                _log.warning(
                    "handler failed", group=self.group, type=event.type, tries=tries, exc_info=True
                )
                if tries == self.tries:
                    await self._give_up(DeadLetter(record, "handler_error", repr(error), tries))
                    return
                await asyncio.sleep(self.backoff * 2 ** (tries - 1))
            else:
                return

    async def _transact(
        self, events: Sequence[ReceivedEvent], dead: Sequence[DeadLetter] = ()
    ) -> None:
        for lost in range(1, _RACES + 1):
            try:
                await self._in_one_transaction(events, dead)
            except LostRaceError:
                if lost == _RACES:
                    raise
                for event in events:
                    event_metrics.retries.labels(self.group, event.topic).inc()
                await asyncio.sleep(backoff(lost, first=_FIRST_PAUSE, most=_LONGEST_PAUSE))
            else:
                return

    async def _in_one_transaction(
        self, events: Sequence[ReceivedEvent], dead: Sequence[DeadLetter]
    ) -> None:
        handled: list[ReceivedEvent] = []
        duplicates: list[ReceivedEvent] = []
        async with asyncio.timeout(self.timeout), self.inbox.transaction() as tx:
            new = await self.inbox.insert_new(tx, self.group, [event.id for event in events])
            for event in events:
                if event.id not in new:
                    duplicates.append(event)
                    continue
                new.discard(event.id)  # It may be twice in one batch.
                with telemetry.span(
                    f"process {event.type}",
                    kind="consumer",
                    traceparent=event.traceparent,
                    **{
                        "messaging.system": "kafka",
                        "messaging.destination.name": event.topic,
                        "messaging.consumer.group.name": self.group,
                        "messaging.message.id": event.id,
                    },
                ):
                    await self.handlers[event.type](tx, event)
                handled.append(event)
            if dead:
                # Last before the commit: when they cannot be published, nothing is committed.
                await self.publish_dead_letters(dead)
        at = now()
        for event in duplicates:
            self._count(event, "duplicate")
        for event in handled:
            self._count(event, "handled")
            if event.time is not None:
                # Never less than none, where its publisher's clock is ahead: the sum of a histogram
                # that falls is a restart to Prometheus.
                seconds = max(0.0, (at - event.time).total_seconds())
                exemplar = telemetry.exemplar(event.traceparent)
                event_metrics.age.labels(self.group, event.topic).observe(seconds, exemplar)

    def _classify(self, record: Record) -> ReceivedEvent | Poison:
        event = cloud_events.read(record)
        if isinstance(event, ReceivedEvent) and event.type in self.handlers:
            return cloud_events.refuse(event) or event
        return event

    async def _give_up(self, letter: DeadLetter) -> None:
        await self.publish_dead_letters([letter])
        self._count_dead(letter)

    def _count(self, event: ReceivedEvent, outcome: str) -> None:
        # A type we don't handle is anybody's text: it would be a label without end.
        type_ = event.type if event.type in self.handlers else "other"
        event_metrics.events.labels(self.group, event.topic, type_, outcome).inc()

    def _count_dead(self, letter: DeadLetter) -> None:
        event_metrics.events.labels(
            self.group, letter.record.topic, letter.reason, "dead_lettered"
        ).inc()
