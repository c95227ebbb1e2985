"""A request and all that follows from it, over Debezium and Kafka, is one connected trace."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import partial

import httpx
import pytest
from shop_event_path import topics
from shop_event_path.collector import Collector, Span, collector
from shop_event_path.connectors import Connectors
from shop_event_path.outboxes import TYPE, PostgresOutbox, counted, create_postgres
from shop_servers.servers import Connect, Postgres
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared import outbox, telemetry
from shop_shared.app import create_app
from shop_shared.consumer import consume
from shop_shared.database import transaction
from shop_shared.events import Event, ReceivedEvent
from shop_shared.inbox import SqlInbox
from shop_shared.testing.signer import Signer
from shop_shared.trace_context import current_traceparent

HOPS = 3
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"


@pytest.fixture
def traces() -> Iterator[Collector]:
    with collector() as found:
        yield found


@pytest.fixture
async def database(
    postgres: Postgres, connect: Connect, connect_api: Connectors
) -> AsyncIterator[PostgresOutbox]:
    made = await create_postgres(postgres.url, connect.bootstrap_servers)
    await topics.create(connect.bootstrap_servers, made.topic)
    await connect_api.start(made)
    yield made
    await connect_api.delete(made)
    await made.drop()


async def publish_next(
    database: PostgresOutbox, ended: asyncio.Event, tx: AsyncConnection, event: ReceivedEvent
) -> None:
    """A handler as services have them: it hears one event and says the next."""
    n = int(event.data["n"]) + 1
    if n == HOPS:
        ended.set()
    else:
        await outbox.publish(tx, with_trace(database, n))


def with_trace(database: PostgresOutbox, n: int) -> Event:
    return replace(counted(database.name, n), traceparent=current_traceparent())


async def test_a_request_its_events_and_their_consumers_are_one_tree(
    traces: Collector, database: PostgresOutbox
) -> None:
    settings = database.settings.model_copy(update={"otlp_endpoint": traces.endpoint})
    stop_export = telemetry.start_export(settings)
    app = create_app(settings, title="traced", verifier=Signer().verifier())
    ended = asyncio.Event()

    @app.post("/v1/things")
    async def post() -> None:
        async with transaction(database.engine) as connection:
            await outbox.publish(connection, with_trace(database, 0))

    consuming = asyncio.create_task(
        consume(
            settings,
            group=f"{database.name}-group",
            topics=[database.topic],
            handlers={TYPE: partial(publish_next, database, ended)},
            inbox=SqlInbox(database.engine),
        )
    )
    transport = httpx.ASGITransport(app)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            parent = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
            (await client.post("/v1/things", headers=parent)).raise_for_status()
        async with asyncio.timeout(60):
            await ended.wait()
    finally:
        consuming.cancel()
        await asyncio.wait([consuming])
        await asyncio.to_thread(stop_export)
    assert path_down(traces.spans) == ["POST /v1/things", *[f"process {TYPE}"] * HOPS]


def path_down(spans: list[Span]) -> list[str]:
    """The names from the caller's span to the last child, every span of the trace among them."""
    ours = [span for span in spans if span.trace == TRACE]
    names: list[str] = []
    parent = CALLER
    while children := [span for span in ours if span.parent == parent]:
        [child] = children
        names.append(child.name)
        parent = child.id
    assert len(names) == len(ours)
    return names
