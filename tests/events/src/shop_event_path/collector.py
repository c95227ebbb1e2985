"""An OpenTelemetry collector that keeps what it is sent: OTLP over HTTP, protobuf."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """One exported span; ids in hex, the parent's empty for a root."""

    trace: str
    id: str
    parent: str
    name: str
    service: str


@dataclass(frozen=True)
class Collector:
    """Where to send spans, and those that came."""

    endpoint: str
    spans: list[Span] = field(default_factory=list)


@contextmanager
def collector() -> Iterator[Collector]:
    """Listen on a free loopback port."""
    spans: list[Span] = []

    class Traces(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            spans.extend(_read(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing of requests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Traces) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Collector(f"http://127.0.0.1:{server.server_port}", spans)
        finally:
            server.shutdown()
            thread.join()


def _read(body: bytes) -> Iterator[Span]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        attributes = {a.key: a.value.string_value for a in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    name=span.name,
                    service=attributes.get("service.name", ""),
                )
