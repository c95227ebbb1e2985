"""What becomes of a batch of messages, whatever brought them: the heart of the consumer.

All in one transaction, with the inbox; when that fails, one message a transaction, so that one bad
message costs no other. It knows stores by `Inbox` and Kafka not at all.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import structlog

from shop_shared.clock import now
from shop_shared.messaging import cloud_events, event_metrics
from shop_shared.messaging.cloud_events import Poison, Record
from shop_shared.messaging.dead_letters import DeadLetter
from shop_shared.messaging.events import InvalidEventError, ReceivedEvent
from shop_shared.observability import telemetry

TxT = TypeVar("TxT")
Handler = Callable[[TxT, ReceivedEvent], Awaitable[None]]
Publish = Callable[[Sequence[DeadLetter]], Awaitable[None]]
Place = tuple[str, int]
"""Topic and partition."""

_log = structlog.get_logger(__name__)


class TemporaryError(Exception):
    """A handler raises it for what a later try may not meet: the event is kept, and its order."""


class Inbox(Protocol[TxT]):
    """Where a consumer keeps its effects and, in the same transaction, what it has seen."""

    def transaction(self) -> AbstractAsyncContextManager[TxT]:
        """Begin; commit at the end, roll back on any exception."""

    async def first_seen(self, tx: TxT, group: str, ids: Sequence[str]) -> set[str]:
        """Write the ids down and return those that were not there yet."""

    def is_temporary(self, error: BaseException) -> bool:
        """Say whether the store may be right again later, with nothing changed here."""


class NoInbox:
    """For handlers that may run any number of times (a cache to drop); their Tx is None."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Begin nothing."""
        yield

    async def first_seen(self, tx: None, group: str, ids: Sequence[str]) -> set[str]:  # noqa: ARG002 - the protocol's
        """Take every event as new."""
        return set(ids)

    def is_temporary(self, error: BaseException) -> bool:
        """Say so of a connection that failed."""
        return isinstance(error, ConnectionError | TimeoutError)


@dataclass(slots=True)
class Progress:
    """How far a batch came: the next offset of each place, and where it had to stop."""

    next_offsets: dict[Place, int] = field(default_factory=dict)
    stopped_at: Place | None = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class EventHandling(Generic[TxT]):
    """One consumer group's handlers and their store."""

    group: str
    handlers: Mapping[str, Handler[TxT]]
    inbox: Inbox[TxT]
    publish_dead_letters: Publish
    tries: int = 3
    """Of one message whose handler fails, before it is a dead letter."""
    backoff: float = 0.1
    """Seconds before the second try; doubled for each further one."""
    timeout: float = 60.0
    """Seconds a transaction may take."""

    async def handle(self, lanes: Mapping[Place, Sequence[Record]]) -> Progress:
        """Handle the records of each place in order, and say how far it came.

        Whatever is below a place's next offset has had its effect, or is a dead letter that the
        broker has acknowledged. Never raises for what a handler, a store or the broker did.
        """
        try:
            return await self._together(lanes)
        except Exception as error:  # noqa: BLE001 - each message will say which it was
            _log.info("batch failed, handling one by one", group=self.group, error=repr(error))
        return await self._one_by_one(lanes)

    async def _together(self, lanes: Mapping[Place, Sequence[Record]]) -> Progress:
        wanted: list[ReceivedEvent] = []
        dead: list[DeadLetter] = []
        ignored: list[ReceivedEvent] = []
        for records in lanes.values():
            for record in records:
                match self._sort(record):
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
        return Progress({place: records[-1].offset + 1 for place, records in lanes.items()})

    async def _one_by_one(self, lanes: Mapping[Place, Sequence[Record]]) -> Progress:
        progress = Progress()
        for place, records in lanes.items():
            for record in records:
                try:
                    await self._one(record)
                except Exception as error:  # noqa: BLE001 - reported: the caller waits and retries
                    progress.stopped_at, progress.error = place, error
                    return progress
                progress.next_offsets[place] = record.offset + 1
        return progress

    async def _one(self, record: Record) -> None:
        match self._sort(record):
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
        handled: list[ReceivedEvent] = []
        duplicates: list[ReceivedEvent] = []
        async with asyncio.timeout(self.timeout), self.inbox.transaction() as tx:
            new = await self.inbox.first_seen(tx, self.group, [event.id for event in events])
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
                # Last before the commit: if they can't be kept, nothing else may be.
                await self.publish_dead_letters(dead)
        at = now()
        for event in duplicates:
            self._count(event, "duplicate")
        for event in handled:
            self._count(event, "handled")
            if event.time is not None:
                seconds = (at - event.time).total_seconds()
                event_metrics.age.labels(self.group, event.topic).observe(seconds)

    def _sort(self, record: Record) -> ReceivedEvent | Poison:
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
