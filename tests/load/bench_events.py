"""`make bench-events`: an event's time from commit to consumer, and how many a second there are.

It runs on servers of its own, durable (fsync on), with the operator's connectors and shop_shared's
consumer, and prints the tables of docs/benchmarks.md.
"""

import argparse
import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from shop_event_path import topics
from shop_event_path.connectors import Connectors, connectors
from shop_event_path.outboxes import Outbox, counted, create_mongodb, create_postgres
from shop_servers.instance import Facts
from shop_servers.server_set import ServerSet
from sqlalchemy import text

from shop_shared.messaging.cloud_events import header
from shop_shared.stores.postgres import create_engine, transaction

WARM_UP = 50
"""Events not counted: the first ones load classes in the JVM."""
SPACING = (0.02, 0.06)
"""Seconds between two events, at random: the path is idle when one comes."""
OURS: Mapping[str, str] = {}
DEFAULTS = {"poll_interval_ms": "500", "max_batch_size": "2048"}
PER_TRANSACTION = 50
PUBLISHERS = 4


@asynccontextmanager
async def captured(
    kind: str, facts: dict[str, Facts], settings: Mapping[str, str] = OURS
) -> AsyncIterator[Outbox]:
    """A database of this kind whose connector runs with these settings instead of ours."""
    bootstrap = facts["connect"]["bootstrap_servers"]
    create = create_postgres if kind == "postgres" else create_mongodb
    outbox: Outbox = await create(facts[kind]["url"], bootstrap)
    await topics.create(bootstrap, outbox.topic)
    api: Connectors
    async with connectors(facts["connect"]["url"]) as api:
        await api.start(outbox, **settings)
        yield outbox
        await api.delete(outbox)
    await outbox.drop()


async def latencies(outbox: Outbox, count: int) -> list[float]:
    """Milliseconds from the end of the commit to the consumer's having the message, idle path."""
    consumer = AIOKafkaConsumer(bootstrap_servers=outbox.settings.kafka_bootstrap_servers)
    await consumer.start()
    committed: dict[str, float] = {}
    received: dict[str, float] = {}

    async def receive() -> None:
        async for record in consumer:
            received[header(record, "ce_id") or ""] = time.perf_counter()

    try:
        partitions = [TopicPartition(outbox.topic, n) for n in range(topics.PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_end(*partitions)
        receiving = asyncio.create_task(receive())
        for n in range(WARM_UP + count):
            event = counted(outbox.name, n, key=str(n % 7))
            await outbox.publish([event])
            if n >= WARM_UP:
                committed[str(event.id)] = time.perf_counter()
            await asyncio.sleep(random.uniform(*SPACING))
        async with asyncio.timeout(30):
            while committed.keys() - received.keys():
                await asyncio.sleep(0.05)
        receiving.cancel()
    finally:
        await consumer.stop()
    return [(received[event] - at) * 1000 for event, at in committed.items()]


async def throughput(outbox: Outbox, seconds: float) -> tuple[float, float]:
    """Events a second, published and through: from the first commit to the last effect."""
    settings = outbox.settings
    assert settings.database_url is not None
    engine = create_engine(settings)
    async with transaction(engine) as connection:
        await connection.execute(text("CREATE TABLE effects (id text PRIMARY KEY, n int)"))
    consumer = await asyncio.create_subprocess_exec(
        *(sys.executable, Path(__file__).with_name("counting_consumer.py"), outbox.topic),
        env={
            **os.environ,
            "SERVICE_NAME": "bench",
            "LOG_LEVEL": "warning",
            "DATABASE_URL": settings.database_url.get_secret_value(),
            "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        },
    )
    begun = 0.0
    published = 0

    async def publish(publisher: int) -> None:
        nonlocal published
        while time.perf_counter() - begun < seconds:
            events = [
                counted(outbox.name, n, key=f"{publisher}-{n}") for n in range(PER_TRANSACTION)
            ]
            await outbox.publish(events)
            published += len(events)

    async def until(count: int) -> None:
        async with asyncio.timeout(300):
            while True:
                async with engine.connect() as connection:
                    found = await connection.execute(text("SELECT count(*) FROM effects"))
                    if found.scalar_one() >= count:
                        return
                await asyncio.sleep(0.1)

    try:
        await outbox.publish([counted(outbox.name, 0)])
        await until(1)  # it has joined its group, and is warm
        begun = time.perf_counter()
        await asyncio.gather(*map(publish, range(PUBLISHERS)))
        publishing = time.perf_counter() - begun
        await until(published + 1)
        through = time.perf_counter() - begun
    finally:
        consumer.terminate()
        await consumer.wait()
        await engine.dispose()
    return published / publishing, published / through


def row(name: str, milliseconds: Sequence[float]) -> str:
    """A line of the table."""
    cuts = statistics.quantiles(milliseconds, n=100)
    shown = f"{cuts[49]:.1f} ms | {cuts[98]:.1f} ms | {max(milliseconds):.1f} ms"
    return f"| {name} | {len(milliseconds)} | {shown} |"


async def bench(servers: ServerSet, *, count: int, seconds: float) -> None:
    """Print both tables."""
    facts = await asyncio.to_thread(servers.need, "postgres", "mongodb", "connect")
    say_load()
    say("| commit to consumer, idle | events | p50 | p99 | max |\n|---|---|---|---|---|")
    for kind, name in (("postgres", "PostgreSQL"), ("mongodb", "MongoDB")):
        for whose, settings in (("our settings", OURS), ("Debezium's defaults", DEFAULTS)):
            async with captured(kind, facts, settings) as outbox:
                say(row(f"{name}, {whose}", await latencies(outbox, count)))
    async with captured("postgres", facts) as outbox:
        published, through = await throughput(outbox, seconds)
    say("\n| sustained, PostgreSQL | events/s |\n|---|---|")
    say(f"| committed to the outbox ({PER_TRANSACTION} a transaction) | {published:,.0f} |")
    say(f"| through outbox, Debezium and batch consumer with inbox | {through:,.0f} |\n")
    say_load()


def say_load() -> None:
    """Print what else the machine does: under other load, the figures are of that."""
    minute = os.getloadavg()[0]
    say(f"load of the machine in the last minute: {minute:.1f} on {os.cpu_count()} cores\n")


def say(line: str) -> None:
    """Print, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run on own servers, which end with this process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=300, help="for each latency")
    parser.add_argument("--seconds", type=float, default=40, help="of publishing at full speed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        servers = ServerSet(state=Path(directory) / "bench", owner=os.getpid(), durable=True)
        try:
            asyncio.run(bench(servers, count=arguments.events, seconds=arguments.seconds))
        finally:
            servers.down()


if __name__ == "__main__":
    main()
