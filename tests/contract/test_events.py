"""What services tell each other: each consumer reads all that its producers may say."""

from collections import defaultdict
from typing import Any

import jsonschema_rs
import orjson
import pytest
from pydantic import BaseModel

from contract.payloads import on_the_wire, payloads
from contract.services import FOLDER, SERVICES, Member, consumer_of
from shop_gateway import consumers as gateway_consumers
from shop_shared.devtools.contracts import files_of
from shop_shared.messaging.asyncapi import document
from shop_shared.messaging.events import EventPayload, ReceivedEvent
from shop_shared.messaging.subscriptions import Subscription

PRODUCERS = {
    payload.type: (member, payload)
    for member in SERVICES.values()
    for payload in member.contract.publishes
}
SUBSCRIBED = [
    pytest.param(member, each, id=f"{member}-{each.type}")
    for member in SERVICES.values()
    for each in member.contract.subscriptions
]
SAID = [pytest.param(member, payload, id=type_) for type_, (member, payload) in PRODUCERS.items()]
CONSUMERS = [member for member in SERVICES.values() if member.contract.subscriptions]


def received(payload: EventPayload) -> ReceivedEvent:
    return ReceivedEvent(
        id="01989f6a-0000-7000-8000-000000000001",
        type=payload.type,
        key="key",
        topic=payload.topic(),
        partition=0,
        offset=0,
        payload=on_the_wire(payload),
    )


@pytest.mark.parametrize(("consumer", "subscription"), SUBSCRIBED)
def test_consumer_reads_all_that_its_producer_may_say(
    consumer: Member, subscription: Subscription[Any, Any]
) -> None:
    type_ = subscription.type
    assert type_ in PRODUCERS, f"{consumer} waits for {type_}, which nobody publishes"
    _, published = PRODUCERS[type_]
    assert published.topic() == subscription.topic, f"{consumer} listens in the wrong place"
    for payload in payloads(published):
        received(payload).parse(subscription.model)


@pytest.mark.parametrize("consumer", CONSUMERS, ids=str)
def test_what_a_consumer_reads_somebody_says(consumer: Member) -> None:
    """A misspelt field with a default would be read as if it never came."""
    named: set[tuple[str, str]] = set()
    read: set[tuple[str, str]] = set()
    for subscription in consumer.contract.subscriptions:
        for payload in payloads(PRODUCERS[subscription.type][1]):
            _note(received(payload).parse(subscription.model), named, read)
    assert named == read


def _note(value: Any, named: set[tuple[str, str]], read: set[tuple[str, str]]) -> None:
    if isinstance(value, BaseModel):
        kind = type(value)
        named |= {(kind.__qualname__, name) for name in kind.model_fields}
        read |= {(kind.__qualname__, name) for name in value.model_fields_set}
        for _, item in value:
            _note(item, named, read)
    elif isinstance(value, list | tuple):
        for item in value:
            _note(item, named, read)


@pytest.mark.parametrize("consumer", CONSUMERS, ids=str)
def test_each_type_subscribed_has_its_handler(consumer: Member) -> None:
    wired = consumer_of(consumer.create())
    subscribed = consumer.contract.subscriptions
    assert wired["topics"] == sorted({each.topic for each in subscribed})
    assert set(wired["handlers"]) == {each.type for each in subscribed}


def test_gateway_listens_where_the_catalogue_speaks() -> None:
    topics = {payload.topic() for payload in SERVICES["product"].contract.publishes}
    assert gateway_consumers.TOPIC in topics


def test_each_type_has_one_producer() -> None:
    said = [payload.type for member in SERVICES.values() for payload in member.contract.publishes]
    assert sorted(said) == sorted(set(said))


def test_the_catalogue_in_the_docs_names_every_type_and_who_reads_it() -> None:
    docs = (FOLDER.parent / "docs" / "events.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in docs.splitlines() if ".events` |" in line]
    told = {
        topic.strip("`"): (set(types.split(", ")), set(readers.split(", ")))
        for topic, _owner, _key, types, readers in rows
    }
    spoken: defaultdict[str, set[str]] = defaultdict(set)
    for _, payload in PRODUCERS.values():
        spoken[payload.topic()].add(payload.type.split(".")[2])
    read_by: defaultdict[str, set[str]] = defaultdict(set, {gateway_consumers.TOPIC: {"gateway"}})
    for member in CONSUMERS:
        for each in member.contract.subscriptions:
            read_by[each.topic].add(member.name)
    assert told == {topic: (types, read_by[topic]) for topic, types in spoken.items()}


@pytest.mark.parametrize("member", SERVICES.values(), ids=str)
def test_a_services_page_names_each_event_that_it_says_or_hears(member: Member) -> None:
    page = (FOLDER.parent / "docs" / "services" / f"{member.name}.md").read_text()
    events = page.partition("## Events\n")[2].partition("\n## ")[0]
    said = {payload.type for payload in member.contract.publishes}
    heard = {each.type for each in member.contract.subscriptions}
    assert {each for each in said | heard if each.split(".")[2] not in events} == set()


@pytest.mark.parametrize(("producer", "payload_model"), SAID)
def test_payload_is_as_its_checked_in_schema_says(
    producer: Member, payload_model: type[EventPayload]
) -> None:
    file = producer.folder / "schemas" / f"{payload_model.type}.json"
    schema = jsonschema_rs.Draft202012Validator(
        orjson.loads(file.read_bytes()), validate_formats=True
    )
    made = payloads(payload_model)
    for payload in made:
        schema.validate(orjson.loads(on_the_wire(payload)))
    unknown = {**orjson.loads(on_the_wire(made[0])), "more": 1}
    assert not schema.is_valid(unknown)


@pytest.mark.parametrize("member", SERVICES.values(), ids=str)
def test_checked_in_contracts_are_current(member: Member) -> None:
    app = member.create().app
    wanted = files_of(document(member.contract, title=app.title, version=app.version))
    present = {
        str(file.relative_to(member.folder)): file.read_bytes()
        for file in [member.folder / "asyncapi.json", *member.folder.glob("schemas/*.json")]
        if file.exists()
    }
    assert present.keys() == wanted.keys(), "run `make contracts`"
    stale = [path for path, content in wanted.items() if present[path] != content]
    assert not stale, "run `make contracts`"
