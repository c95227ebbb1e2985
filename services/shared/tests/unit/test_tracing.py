"""One trace from a request, over an event, to the handler and the event after it."""

from collections.abc import Iterator
from typing import ClassVar

import httpx
import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shop_shared.http.app import create_app
from shop_shared.http.problems import Unavailable
from shop_shared.messaging.events import Event, EventPayload, event
from shop_shared.observability import telemetry
from shop_shared.observability.tracing import OpenTelemetrySpans
from shop_shared.settings import ServiceSettings
from shop_shared.testing import Signer


class Placed(EventPayload):
    type: ClassVar[str] = "minishop.order.placed.v1"
    aggregate: ClassVar[str] = "order"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def backend(exporter: InMemorySpanExporter) -> Iterator[OpenTelemetrySpans]:
    backend = OpenTelemetrySpans(exporter, Resource.create({}))
    telemetry.set_span_backend(backend)
    yield backend
    telemetry.set_span_backend(None)
    backend.shutdown()


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def span_id(span: ReadableSpan) -> int:
    assert span.context is not None
    number: int = span.context.span_id
    return number


def trace_id(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


async def test_what_is_measured_leads_to_its_trace_for_whoever_asks_for_openmetrics(
    backend: OpenTelemetrySpans,
) -> None:
    app = create_app(ServiceSettings(), title="Test", verifier=Signer().verifier())
    kept, dropped = "a" * 32, "d" * 32
    asked = {"accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        for trace, flags in ((kept, "01"), (dropped, "00")):
            await http.get("/missing", headers={"traceparent": f"00-{trace}-{'b' * 16}-{flags}"})
        told = await http.get("/metrics", headers=asked)
        plain = await http.get("/metrics")
    assert told.headers["content-type"].startswith("application/openmetrics-text")
    assert f'# {{trace_id="{kept}"}}' in told.text
    assert dropped not in told.text
    assert plain.headers["content-type"].startswith("text/plain")
    assert kept not in plain.text
    telemetry.set_span_backend(None)
    assert telemetry.exemplar(f"00-{kept}-{'b' * 16}-01") is None  # nobody keeps it


async def test_an_answer_of_5xx_is_marked_as_failed_and_one_of_4xx_is_not(
    backend: OpenTelemetrySpans, exporter: InMemorySpanExporter
) -> None:
    app = create_app(ServiceSettings(), title="Test", verifier=Signer().verifier())

    @app.get("/away")
    async def away() -> None:
        raise Unavailable

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://test"
    ) as http:
        assert (await http.get("/away")).status_code == 503
        assert (await http.get("/missing")).status_code == 404
    backend.flush()
    failed = {span.name: span.status.is_ok for span in exporter.get_finished_spans()}
    assert failed == {"GET /away": False, "GET unmatched": True}


async def test_a_trace_is_one_tree_over_events(
    backend: OpenTelemetrySpans, exporter: InMemorySpanExporter
) -> None:
    published: list[Event] = []
    app = create_app(ServiceSettings(), title="Test", verifier=Signer().verifier())

    @app.post("/orders")
    async def place() -> None:
        published.append(event(Placed(), key="1"))

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await client.post("/orders", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    for name in ("first", "second"):
        with telemetry.span(name, kind="consumer", traceparent=published[-1].traceparent):
            published.append(event(Placed(), key="1"))
    backend.flush()

    request, first, second = exporter.get_finished_spans()
    assert {
        f"{span.context.trace_id:032x}" for span in (request, first, second) if span.context
    } == {"a" * 32}
    assert parent_of(request) == int("b" * 16, 16)
    assert parent_of(first) == span_id(request)
    assert parent_of(second) == span_id(first)
    assert request.name == "POST /orders"
