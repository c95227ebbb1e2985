"""The timeline of an order, whatever the ids and headers are that somebody wrote."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from shop_operator.cli.kafka_log import Message
from shop_operator.cli.trace import lines, timeline

ORDER = "0198c0de-0000-7000-8000-000000000000"


@dataclass
class Log:
    """A log in memory; `since` is what was asked for last."""

    messages: list[Message] = field(default_factory=list)
    since: list[datetime | None] = field(default_factory=list)

    def topics(self) -> set[str]:
        return {each.topic for each in self.messages}

    async def read(
        self, topics: Iterable[str], *, key: str | None = None, since: datetime | None = None
    ) -> list[Message]:
        _ = key
        self.since.append(since)
        return [each for each in self.messages if each.topic in set(topics)]


def event(offset: int, **headers: str) -> Message:
    told = tuple((name, value.encode()) for name, value in headers.items())
    return Message("order.events", 0, offset, 1_756_000_000_000, ORDER.encode(), b"{}", told)


@pytest.mark.parametrize(
    "order_id",
    ["ffffffff-ffff-7fff-bfff-ffffffffffff", "00000000-0000-7000-8000-000000000000"],
    ids=["after the year 9999", "before 1970, for skew"],
)
async def test_an_id_whose_time_is_none_is_looked_for_from_the_beginning(order_id: str) -> None:
    log = Log()
    assert await timeline(log, order_id) == []  # type: ignore[arg-type]
    assert log.since[0] is None


async def test_headers_of_others_are_read_as_far_as_they_can_be() -> None:
    log = Log(
        [
            event(0, ce_time="2026-01-01T00:00:01", traceparent="mine"),
            event(1, ce_time="2026-01-01T00:00:00Z", traceparent="00-abc-def-01"),
        ]
    )
    found = await timeline(log, ORDER)  # type: ignore[arg-type]
    assert [each["place"] for each in found] == ["order.events:0:1", "order.events:0:0"]
    assert [*lines(found)][-1] == "trace: abc"
