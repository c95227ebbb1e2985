"""What becomes of a batch, against a store in memory that keeps transactions as a real one does."""

import copy
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
import pytest
from aiokafka.structs import TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from pydantic import BaseModel

from shop_shared.clock import now
from shop_shared.messaging.dead_letters import DeadLetter
from shop_shared.messaging.dispatch import BatchResult, Dispatcher, LostRaceError, TemporaryError
from shop_shared.messaging.events import MAX_EVENT_BYTES, ReceivedEvent

TYPE = "minishop.stock.moved.v1"
PARTITION = TopicPartition("stock.events", 0)


class Moved(BaseModel):
    product: str
    by: int


@dataclass
class Message:
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    offset: int = 0
    partition: int = 0
    topic: str = "stock.events"
    key: bytes | None = b"p"


@dataclass
class State:
    stock: Counter[str] = field(default_factory=Counter)
    order: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)


class MemoryInbox:
    """Works on a copy that a commit puts in place; commits fail when told."""

    def __init__(self) -> None:
        self.state = State()
        self.commits = 0
        self.failures: list[Exception] = []
        self.away = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[State]:
        if self.away:
            raise ConnectionRefusedError
        working = copy.deepcopy(self.state)
        yield working
        if self.failures:
            raise self.failures.pop()
        self.state = working
        self.commits += 1

    async def insert_new(self, tx: State, group: str, ids: Sequence[str]) -> set[str]:
        new = set(ids) - tx.seen
        tx.seen |= new
        return new

    def is_temporary(self, error: BaseException) -> bool:
        return isinstance(error, ConnectionError)


async def move(state: State, event: ReceivedEvent) -> None:
    moved = event.parse(Moved)
    if moved.product == "bug":
        raise KeyError(moved.product)
    if moved.product == "later":
        raise TemporaryError
    state.stock[moved.product] += moved.by
    state.order.append(event.id)


def message(event_id: str = "1", value: Any = None, **changes: Any) -> Message:
    headers = [("ce_id", event_id.encode()), ("ce_type", changes.pop("type", TYPE).encode())]
    payload = {"product": "p", "by": 1} if value is None else value
    body = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    return Message(body, headers, **{"offset": int(event_id), **changes})


def dispatcher(
    inbox: MemoryInbox, dead: list[DeadLetter], *, broker_away: bool = False
) -> Dispatcher[State]:
    async def publish(letters: Sequence[DeadLetter]) -> None:
        if broker_away:
            raise ConnectionError
        dead.extend(letters)

    return Dispatcher(
        group="g", handlers={TYPE: move}, inbox=inbox, publish_dead_letters=publish, backoff=0
    )


async def handle(
    *messages: Message, inbox: MemoryInbox | None = None, broker_away: bool = False
) -> tuple[MemoryInbox, list[DeadLetter], BatchResult]:
    inbox = inbox or MemoryInbox()
    dead: list[DeadLetter] = []
    result = await dispatcher(inbox, dead, broker_away=broker_away).handle({PARTITION: messages})
    return inbox, dead, result


async def test_a_batch_is_one_transaction() -> None:
    inbox, dead, result = await handle(*(message(str(i)) for i in range(100)))
    assert (inbox.commits, inbox.state.stock["p"], dead) == (1, 100, [])
    assert result.next_offsets == {PARTITION: 100}
    assert inbox.state.order == [str(i) for i in range(100)]


async def test_an_event_of_a_clock_that_is_ahead_has_no_age() -> None:
    early = message("1")
    later = (now() + timedelta(minutes=2)).isoformat()
    await handle(Message(early.value, [*early.headers, ("ce_time", later.encode())], offset=1))
    labels = {"group": "g", "topic": "stock.events"}
    age = REGISTRY.get_sample_value("event_age_seconds_sum", labels)
    assert age is not None
    assert age >= 0


async def test_a_message_twice_in_one_batch_has_its_effect_once() -> None:
    inbox, _, _ = await handle(message("1"), message("1"))
    assert inbox.state.stock["p"] == 1


POISON = {
    "not_json": message("1", b'{"product":'),
    "invalid_payload": message("1", {"product": "p", "by": "many"}),
    "handler_error": message("1", {"product": "bug", "by": 1}),
    "too_large": message("1", b'"' + b"x" * MAX_EVENT_BYTES + b'"'),
    "not_an_event": Message(b"{}", [("ce_type", TYPE.encode())], offset=1),
}


@pytest.mark.parametrize("reason", POISON)
async def test_poison_is_given_up_and_costs_no_other(reason: str) -> None:
    inbox, dead, result = await handle(message("0"), POISON[reason], message("2"))
    assert [letter.reason for letter in dead] == [reason]
    assert dead[0].record is POISON[reason]
    assert inbox.state.order == ["0", "2"]
    assert result.next_offsets == {PARTITION: 3}
    assert result.stopped_at is None


@pytest.mark.parametrize("type_", ["minishop.stock.counted.v1", "minishop.stock.moved.v2", "🤷"])
async def test_unknown_types_and_versions_are_ignored_whatever_they_hold(type_: str) -> None:
    inbox, dead, result = await handle(message("0", b"\xff", type=type_), message("1"))
    assert (inbox.state.order, dead) == (["1"], [])
    assert result.next_offsets == {PARTITION: 2}


async def test_a_bug_is_tried_a_few_times_only() -> None:
    _, dead, _ = await handle(POISON["handler_error"])
    assert dead[0].tries == 3
    assert dead[0].error == "KeyError('bug')"


async def test_a_batch_that_fails_leaves_each_dead_letter_once() -> None:
    poison = [POISON["not_json"], message("2", {"product": "bug", "by": 1}), message("3")]
    inbox, dead, _ = await handle(message("0"), *poison)
    assert [letter.reason for letter in dead] == ["not_json", "handler_error"]
    assert inbox.state.order == ["0", "3"]


async def test_a_bug_leaves_nothing_of_its_transaction() -> None:
    inbox, _, _ = await handle(POISON["handler_error"])
    assert inbox.state == State()


async def test_a_temporary_error_keeps_the_message_and_its_order() -> None:
    later = message("1", {"product": "later", "by": 1})
    inbox, dead, result = await handle(message("0"), later, message("2"))
    assert (inbox.state.order, dead) == (["0"], [])
    assert result.next_offsets == {PARTITION: 1}
    assert result.stopped_at == PARTITION


async def test_a_batch_that_loses_races_begins_again_as_a_batch() -> None:
    inbox = MemoryInbox()
    inbox.failures = [LostRaceError()] * 3
    labels = {"group": "g", "topic": "stock.events"}
    before = REGISTRY.get_sample_value("event_retries_total", labels) or 0
    _, dead, result = await handle(*(message(str(i)) for i in range(5)), inbox=inbox)
    assert REGISTRY.get_sample_value("event_retries_total", labels) == before + 3 * 5
    assert (inbox.commits, inbox.state.stock["p"], dead) == (1, 5, [])
    assert result == BatchResult({PARTITION: 5})


async def test_a_race_that_is_always_lost_keeps_the_message() -> None:
    inbox = MemoryInbox()
    inbox.failures = [LostRaceError()] * 1000
    _, dead, result = await handle(message("0"), message("1"), inbox=inbox)
    assert (dead, result.next_offsets, result.stopped_at) == ([], {}, PARTITION)
    assert isinstance(result.error, LostRaceError)
    inbox.failures = []
    await handle(message("0"), message("1"), inbox=inbox)
    assert inbox.state.order == ["0", "1"]


async def test_a_store_that_is_away_loses_nothing() -> None:
    inbox = MemoryInbox()
    inbox.away = True
    _, dead, result = await handle(message("0"), message("1"), inbox=inbox)
    assert (dead, result.next_offsets, result.stopped_at) == ([], {}, PARTITION)
    inbox.away = False
    await handle(message("0"), message("1"), inbox=inbox)
    assert inbox.state.order == ["0", "1"]


async def test_nothing_is_passed_over_while_dead_letters_cannot_be_kept() -> None:
    inbox, _, result = await handle(POISON["not_json"], message("2"), broker_away=True)
    assert (inbox.state.order, result.next_offsets, result.stopped_at) == ([], {}, PARTITION)


async def test_one_partition_that_stops_keeps_what_others_did() -> None:
    inbox = MemoryInbox()
    dead: list[DeadLetter] = []
    batches: dict[TopicPartition, list[Message]] = {
        PARTITION: [message("0")],
        TopicPartition("stock.events", 1): [
            message("9", {"product": "later", "by": 1}, partition=1)
        ],
    }
    result = await dispatcher(inbox, dead).handle(batches)
    assert result.next_offsets == {("stock.events", 0): 1}
    assert result.stopped_at == ("stock.events", 1)


moves = st.lists(
    st.tuples(st.sampled_from(["a", "b", "bug"]), st.integers(-5, 5)), min_size=1, max_size=8
)


@settings(deadline=None, max_examples=100)
@given(moves=moves, data=st.data())
async def test_every_message_three_times_in_any_order_ends_in_the_same_state(
    moves: list[tuple[str, int]], data: st.DataObject
) -> None:
    messages = [
        message(str(i), {"product": product, "by": by}) for i, (product, by) in enumerate(moves)
    ]
    expected: Counter[str] = Counter()
    for product, by in moves:
        if product != "bug":
            expected[product] += by
    inbox = MemoryInbox()
    dead: list[DeadLetter] = []
    arriving = data.draw(st.permutations(messages * 3))
    trouble = data.draw(st.lists(st.integers(0, 2), max_size=10))
    while arriving:
        size = data.draw(st.integers(1, len(arriving)))
        batch = [copy.copy(item) for item in arriving[:size]]
        for offset, item in enumerate(batch):
            item.offset = offset
        # A commit that fails sends the batch one by one; a second failure, back to the broker.
        inbox.failures = [ConnectionError()] * (trouble.pop() if trouble else 0)
        result = await dispatcher(inbox, dead).handle({PARTITION: batch})
        inbox.failures = []
        arriving = arriving[result.next_offsets.get(PARTITION, 0) :]
    assert inbox.state.stock == expected
    assert len(inbox.state.order) == len(set(inbox.state.order))
    assert {letter.reason for letter in dead} <= {"handler_error"}
