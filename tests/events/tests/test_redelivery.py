"""Every message three times, in any order and any batches: the state is that of once."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
from aiokafka.structs import TopicPartition
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop_event_path.ledgers import Ledger, ledger
from shop_event_path.outboxes import TYPE, create_mongodb, create_postgres
from shop_servers.servers import MongoDB, Postgres

from shop_shared.messaging.cloud_events import Record
from shop_shared.messaging.dead_letters import DeadLetter
from shop_shared.messaging.dispatch import Dispatcher

COPIES = 3


@dataclass
class Message:
    """A record as Kafka keeps it."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    topic: str = "counted.events"
    partition: int = 0


@dataclass(frozen=True)
class Delivery:
    """Messages by (key, number), each three times, cut into batches."""

    batches: Sequence[Sequence[tuple[str, int]]] = field(default_factory=list)


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    count = draw(st.integers(1, 12))
    once = [(key, n) for key in ("one", "two") for n in range(count)]
    order = draw(st.permutations(once * COPIES))
    size = draw(st.integers(1, len(order)))
    return Delivery([order[at : at + size] for at in range(0, len(order), size)])


@pytest.fixture(scope="module", params=["postgres", "mongodb"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def book(kind: str, postgres: Postgres, mongodb: MongoDB) -> AsyncIterator[Ledger]:
    made = await (
        create_postgres(postgres.url, "unused:0")
        if kind == "postgres"
        else create_mongodb(mongodb.url, "unused:0")
    )
    async with ledger(made.settings) as found:
        yield found
    await made.drop()


async def no_dead_letters(letters: Sequence[DeadLetter]) -> None:
    assert not letters


@settings(
    max_examples=20,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(delivery=deliveries())
async def test_each_effect_is_there_once(book: Ledger, delivery: Delivery) -> None:
    example = uuid4().hex  # the ledger is the same for all examples
    dispatcher = Dispatcher(
        group="ledger",
        handlers={TYPE: book.write},
        inbox=book.inbox,
        publish_dead_letters=no_dead_letters,
    )
    offset = 0
    for batch in delivery.batches:
        records: list[Record] = []
        for key, n in batch:
            headers = [("ce_id", f"{example}-{key}-{n}".encode()), ("ce_type", TYPE.encode())]
            value = b'{"n": %d}' % n
            records.append(Message(offset, f"{example}-{key}".encode(), value, headers))
            offset += 1
        result = await dispatcher.handle({TopicPartition("counted.events", 0): records})
        assert result.stopped_at is None
        assert result.next_offsets == {("counted.events", 0): offset}
    sent = {(key, n) for batch in delivery.batches for key, n in batch}
    effects = {
        key.removeprefix(f"{example}-"): sorted(numbers)
        for key, numbers in (await book.read()).items()
        if key.startswith(example)
    }
    assert effects == {
        key: sorted(n for other, n in sent if other == key) for key in {key for key, _ in sent}
    }
