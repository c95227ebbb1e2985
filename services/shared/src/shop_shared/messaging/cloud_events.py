"""CloudEvents on Kafka, binary mode: attributes as `ce_*` headers, the value bare JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import orjson

from shop_shared.messaging.events import MAX_EVENT_BYTES, ReceivedEvent
from shop_shared.observability.trace_context import is_traceparent

MAX_ID = 255


class Record(Protocol):
    """A message as Kafka keeps it (aiokafka's ConsumerRecord is one)."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Poison:
    """A message that can never be an event we handle, and why."""

    reason: str
    error: str


def header(record: Record, name: str) -> str | None:
    """Return a header's text; None where it is missing, null or not UTF-8."""
    for key, value in record.headers:
        if key == name and value is not None:
            try:
                return bytes(value).decode()
            except UnicodeDecodeError:
                return None
    return None


def read(record: Record) -> ReceivedEvent | Poison:
    """Read a record as an event, without judging its payload beyond its being JSON."""
    event_id, type_ = header(record, "ce_id"), header(record, "ce_type")
    if not event_id or not type_ or len(event_id) > MAX_ID or "\0" in event_id:
        return Poison("not_an_event", "ce_id or ce_type is missing or not valid")
    traceparent = header(record, "traceparent")
    return ReceivedEvent(
        id=event_id,
        type=type_,
        key=(record.key or b"").decode(errors="replace"),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        payload=record.value or b"",
        time=_time(header(record, "ce_time")),
        traceparent=traceparent if is_traceparent(traceparent) else None,
    )


def refuse(event: ReceivedEvent) -> Poison | None:
    """Say why the payload is one that no handler should see, if it is."""
    size = len(event.payload)
    if size > MAX_EVENT_BYTES:
        return Poison("too_large", f"{size} bytes, at most {MAX_EVENT_BYTES}")
    try:
        orjson.loads(event.payload)
    except orjson.JSONDecodeError as error:
        return Poison("not_json", str(error))
    return None


def _time(text: str | None) -> datetime | None:
    try:
        time = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return time if time and time.tzinfo else None
