"""`kubectl shop trace ORDER_ID`: the timeline of an order, read from Kafka."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from shop_operator.cli import dead_letter_log, log_store
from shop_operator.cli.in_operator import add_kafka, with_kafka
from shop_operator.cli.kafka_log import KafkaLog, Message
from shop_operator.cli.output import add_format, show
from shop_operator.settings import Settings

_SUFFIX = ".events"
_UUID7 = 7
_SKEW_SECONDS = 300
_YEAR_10000 = 253_402_300_800
"""In seconds since 1970: no datetime is as late."""


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Add the command."""
    command = commands.add_parser(
        "trace", parents=[common], help="show an order's timeline, event by event"
    )
    command.add_argument("order_id", help="the order's id: the key of its events")
    command.add_argument("--logs", action="store_true", help="and what services logged about it")
    command.add_argument(
        "--log-store", metavar="URL", help="OpenSearch, as it is reached from where this runs"
    )
    add_format(command)
    add_kafka(command)
    command.set_defaults(alone=run)


async def run(platform: Settings, options: argparse.Namespace) -> int:
    """Print the timeline; return 2 if no topic has events of the order."""

    async def read(log: KafkaLog) -> int:
        events = await timeline(log, options.order_id)
        if not events:
            sys.stderr.write(f"kubectl shop: no event of {options.order_id}\n")
            return 2
        told = [*lines(events)]
        if options.logs:
            try:
                logged = await log_store.lines_of(store, _traces(events))
            except log_store.LogStoreError as error:
                sys.stderr.write(f"kubectl shop: {error}\n")
                return 3
            told += ["", *(log_store.text(logged))]
            events += [{"logged": asdict(line)} for line in logged]
        show(events, "\n".join(told), options.output)
        return 0

    store = options.log_store or platform.log_store_url
    words = ["trace", options.order_id, "--output", options.output]
    words += ["--logs", "--log-store", store] if options.logs else []
    return await with_kafka(platform, options, read, words)


async def timeline(log: KafkaLog, order_id: str) -> list[dict[str, Any]]:
    """Return the order's events in the order of their times.

    Each has `at_ms` since the first, `hop_ms` since the previous one, and `delivery_ms` from when
    it was written until it was in Kafka.
    """
    topics = [topic for topic in log.topics() if topic.endswith(_SUFFIX)]
    messages = await log.read(topics, key=order_id, since=_since(order_id))
    found = [each for each in messages if each.key == order_id.encode()]
    found.sort(key=_time)
    events = []
    for number, message in enumerate(found):
        before = _time(found[max(0, number - 1)])
        payload = _payload(message)
        arrived = datetime.fromtimestamp(message.timestamp / 1000, UTC)
        events.append(
            {
                "time": _time(message).isoformat(),
                "at_ms": _ms(_time(message) - _time(found[0])),
                "hop_ms": _ms(_time(message) - before),
                "delivery_ms": _ms(arrived - _time(message)),
                "type": message.header("ce_type"),
                "place": f"{message.topic}:{message.partition}:{message.offset}",
                "trace_id": _trace_id(message),
                "note": payload.get("reason") or payload.get("tracking_number"),
            }
        )
    stuck = [
        letter
        for letter in await dead_letter_log.open_letters(log)
        if letter.message.key == order_id.encode()
    ]
    return [*events, *(_dead(letter) for letter in stuck)]


def lines(events: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of the timeline."""
    for event in events:
        if "dead_letter" in event:
            yield f"  ✘ dead letter of {event['group']}: {event['reason']} ({event['dead_letter']})"
            continue
        name = str(event["type"]).removeprefix("minishop.")
        note = f"  {event['note']}" if event["note"] else ""
        yield f"{event['at_ms']:>9.1f} ms  {event['hop_ms']:>+9.1f}  {name:<36}{note}"
    yield f"trace: {', '.join(sorted(_traces(events))) or 'none'}"


def _traces(events: list[dict[str, Any]]) -> set[str]:
    return {event["trace_id"] for event in events if event.get("trace_id")}


def _dead(letter: dead_letter_log.DeadLetter) -> dict[str, Any]:
    data = letter.data()
    return {
        "dead_letter": letter.id,
        **{name: data[name] for name in ("time", "group", "type", "reason", "error")},
    }


def _since(order_id: str) -> datetime | None:
    """Return the time in a UUIDv7, less five minutes for clock skew; None for another id."""
    try:
        number = UUID(order_id)
    except ValueError:
        return None
    seconds = (number.int >> 80) / 1000 - _SKEW_SECONDS
    if number.version != _UUID7 or not 0 <= seconds < _YEAR_10000:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _time(message: Message) -> datetime:
    """Return when the event was written, or without that header when Kafka received it."""
    try:
        found = datetime.fromisoformat(message.header("ce_time") or "")
    except ValueError:
        return datetime.fromtimestamp(message.timestamp / 1000, UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _trace_id(message: Message) -> str | None:
    """Return the trace of a `traceparent`; None without one, or where somebody wrote another."""
    parts = (message.header("traceparent") or "").split("-")
    return (parts[1] or None) if len(parts) > 1 else None


def _ms(span: timedelta) -> float:
    return round(span.total_seconds() * 1000, 1)


def _payload(message: Message) -> dict[str, Any]:
    try:
        payload = json.loads(message.value or b"")
    except ValueError:
        return {}
    return payload if isinstance(payload, dict) else {}
