"""The consumer loop: fetches from Kafka, dispatches in order, commits offsets afterwards.

A message may arrive twice and has its effect once. Offsets are committed after the transactions,
once a second: a crash means that the messages of that second are delivered again, and the inbox
skips them.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import TopicPartition

from shop_shared.background import backoff
from shop_shared.messaging import event_metrics
from shop_shared.messaging.cloud_events import Record
from shop_shared.messaging.dead_letters import DeadLetters
from shop_shared.messaging.dispatch import Dispatcher, Handler, Inbox, NoInbox, TemporaryError
from shop_shared.messaging.subscriptions import Subscription, handlers_of, topics_of
from shop_shared.settings import ServiceSettings

__all__ = ["Handler", "Inbox", "NoInbox", "TemporaryError", "consume", "consumer_of"]

TxT = TypeVar("TxT")
MAX_BATCH = 200
MAX_BACKOFF = 10.0
POLL = 1.0
COMMIT_SECONDS = 1.0
"""The least between two commits of offsets, each of which the broker writes down."""
COMMIT_TIMEOUT = 5.0
FETCH_SECONDS = 1.0
"""How long the broker keeps a fetch that finds nothing; who resumes may wait as long."""
GATHERED_BYTES = 64 * 1024
"""Of events that are handed on at once, however long a consumer would gather them."""
_log = structlog.get_logger(__name__)


def consumer_of(
    settings: ServiceSettings,
    *,
    group: str,
    subscriptions: Sequence[Subscription[TxT, Any]],
    inbox: Inbox[TxT],
    gather_seconds: float = 0.0,
) -> Callable[[], Awaitable[None]]:
    """Return `consume` for a service's subscriptions. Raises ValueError for one made twice."""
    return partial(
        consume,
        settings,
        group=group,
        topics=topics_of(subscriptions),
        handlers=handlers_of(subscriptions),
        inbox=inbox,
        gather_seconds=gather_seconds,
    )


async def consume(  # noqa: PLR0913 - keyword-only, each of its own kind
    settings: ServiceSettings,
    *,
    group: str,
    topics: Sequence[str],
    handlers: Mapping[str, Handler[TxT]],
    inbox: Inbox[TxT],
    from_start: bool = True,
    max_batch: int = MAX_BATCH,
    gather_seconds: float = 0.0,
) -> None:
    """Hand the topics' events to the handlers, by type, until cancelled.

    Cancelled, it finishes the batch in hand and leaves the group. Kafka's or the store's being
    away is waited for. Types without a handler are ignored. With from_start a new group begins
    with the oldest event there is; without (a cache in memory), with the next one. The broker
    gathers events for `gather_seconds` at most, so that one fetch, transaction and commit serve
    many: for who is in no hurry. In Kafka, the settings' prefix goes before the names of topics and
    group; the inbox, of one database, and metrics have the group without it.
    """
    dead_letters = DeadLetters(settings.kafka_bootstrap_servers, group=group)
    handling = Dispatcher(
        group=group, handlers=handlers, inbox=inbox, publish_dead_letters=dead_letters.publish
    )
    event_metrics.assigned.labels(group).set(0)
    consumer = await _start(
        lambda: AIOKafkaConsumer(
            bootstrap_servers=settings.kafka_bootstrap_servers,
            client_id=settings.service_name,
            group_id=f"{settings.kafka_topic_prefix}{group}",
            enable_auto_commit=False,
            auto_offset_reset="earliest" if from_start else "latest",
            max_poll_records=max_batch,
            fetch_min_bytes=GATHERED_BYTES if gather_seconds else 1,
            fetch_max_wait_ms=int((gather_seconds or FETCH_SECONDS) * 1000),
            metadata_max_age_ms=10_000,
            # How long the partitions of a consumer that was killed wait for another.
            session_timeout_ms=9_000,
            heartbeat_interval_ms=3_000,
            rebalance_timeout_ms=60_000,
            request_timeout_ms=20_000,
        )
    )
    loop = _Loop(consumer, handling)
    try:
        consumer.subscribe(
            topics=[f"{settings.kafka_topic_prefix}{topic}" for topic in topics], listener=loop
        )
        await loop.run()
    finally:
        await loop.commit()
        await consumer.stop()
        await dead_letters.close()


async def _start(make: Callable[[], AIOKafkaConsumer]) -> AIOKafkaConsumer:
    """Connect, however long Kafka takes."""
    failures = 0
    while True:
        consumer = make()
        try:
            await consumer.start()
        except KafkaError as error:
            await consumer.stop()
            _log.warning("Kafka is away", error=repr(error))
        except BaseException:
            await consumer.stop()
            raise
        else:
            return consumer
        failures += 1
        await asyncio.sleep(backoff(failures, first=0.5, most=MAX_BACKOFF))


class _Loop(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Fetch, handle, commit; partitions that must wait are paused, the others go on."""

    def __init__(self, consumer: AIOKafkaConsumer, handling: Dispatcher[Any]) -> None:
        self._consumer = consumer
        self._handling = handling
        self._group = handling.group
        self._batch_in_hand = asyncio.Lock()
        self._failures: dict[TopicPartition, int] = {}
        self._resume_at: dict[TopicPartition, float] = {}
        self._uncommitted: dict[TopicPartition, int] = {}
        self._committed_at = -math.inf

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            self._resume()
            if time.monotonic() - self._committed_at >= COMMIT_SECONDS:
                async with self._batch_in_hand:
                    await _finish(self.commit())
            try:
                batches = await self._consumer.getmany(timeout_ms=int(self._patience() * 1000))
            except KafkaError as error:
                _log.warning("fetch failed", group=self._group, error=repr(error))
                await asyncio.sleep(POLL)
                continue
            if batches:
                async with self._batch_in_hand:
                    await _finish(self._work(batches))

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Give partitions up only when the batch in hand is committed, offsets and all."""
        async with self._batch_in_hand:
            await self.commit()
            event_metrics.assigned.labels(self._group).set(0)
            for partition in revoked:
                self._uncommitted.pop(partition, None)
                self._failures.pop(partition, None)
                self._resume_at.pop(partition, None)
                event_metrics.lag.labels(self._group, partition.topic, partition.partition).set(0)
            self._show_waiting()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Start where the group's offsets say, which is aiokafka's own doing."""
        event_metrics.assigned.labels(self._group).set(len(assigned))
        _log.info("assigned", group=self._group, partitions=sorted(map(tuple, assigned)))

    async def _work(self, fetched: Mapping[TopicPartition, Sequence[Record]]) -> None:
        # Between the fetch and here partitions may have gone to another consumer.
        mine = self._consumer.assignment()
        batches: dict[TopicPartition, Sequence[Record]] = {
            partition: records for partition, records in fetched.items() if partition in mine
        }
        if not batches:
            return
        event_metrics.batches.labels(self._group).observe(sum(map(len, batches.values())))
        result = await self._handling.handle(batches)
        self._uncommitted |= result.next_offsets
        for partition, records in batches.items():
            reached = result.next_offsets.get(partition, records[0].offset)
            if reached == records[-1].offset + 1:
                self._failures.pop(partition, None)
            else:
                self._give_back(partition, reached)
            self._measure(partition, reached)
        if result.stopped_at is not None:
            self._pause(result.stopped_at, result.error)
        self._show_waiting()

    async def commit(self) -> None:
        """Commit the offsets of what was handled since the last time."""
        reached, self._uncommitted = self._uncommitted, {}
        if not reached:
            return
        self._committed_at = time.monotonic()
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT):
                await self._consumer.commit(reached)
        except TimeoutError:
            self._uncommitted = reached
            _log.warning("offsets not committed yet", group=self._group)
        except (KafkaError, IllegalStateError) as error:
            # The group went on without us: they come again to someone, whose inbox knows them.
            _log.warning("offsets not committed", group=self._group, error=repr(error))

    def _give_back(self, partition: TopicPartition, offset: int) -> None:
        try:
            self._consumer.seek(partition, offset)
        except IllegalStateError:
            _log.info("partition has gone", group=self._group, partition=partition)

    def _pause(self, partition: TopicPartition, error: BaseException | None) -> None:
        failures = self._failures.get(partition, 0) + 1
        delay = backoff(failures, first=0.2, most=MAX_BACKOFF)
        _log.warning(
            "partition paused",
            group=self._group,
            topic=partition.topic,
            partition=partition.partition,
            seconds=round(delay, 2),
            error=repr(error),
        )
        if partition in self._consumer.assignment():
            self._consumer.pause(partition)
            self._failures[partition] = failures
            self._resume_at[partition] = time.monotonic() + delay

    def _show_waiting(self) -> None:
        """Count a partition from its first failure until it goes on, also while it is tried."""
        event_metrics.paused.labels(self._group).set(len(self._failures))

    def _resume(self) -> None:
        due = [where for where, at in self._resume_at.items() if at <= time.monotonic()]
        for partition in due:
            del self._resume_at[partition]
            if partition in self._consumer.assignment():
                self._consumer.resume(partition)

    def _patience(self) -> float:
        """Return how long to wait for messages, in seconds: until a paused partition is due."""
        if not self._resume_at:
            return POLL
        return min(POLL, max(0.01, min(self._resume_at.values()) - time.monotonic()))

    def _measure(self, partition: TopicPartition, reached: int) -> None:
        try:
            end = self._consumer.highwater(partition)
        except IllegalStateError:
            return
        if end is not None:
            event_metrics.lag.labels(self._group, partition.topic, partition.partition).set(
                max(0, end - reached)
            )


async def _finish(work: Awaitable[None]) -> None:
    """Do work to its end, even when cancelled meanwhile; the cancellation counts after that."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
