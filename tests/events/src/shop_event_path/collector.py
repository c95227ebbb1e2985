"""An OpenTelemetry collector that keeps what it is sent: OTLP over HTTP, protobuf."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource


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
    """Where to send telemetry, and what came."""

    endpoint: str
    spans: list[Span] = field(default_factory=list)


@contextmanager
def collector() -> Iterator[Collector]:
    """Listen on a free loopback port."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != "/v1/traces":
                self.send_error(404)
                return
            found.spans.extend(_spans(ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing of requests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        found = Collector(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    name=span.name,
                    service=_service(resource.resource),
                )


def _service(resource: Resource) -> str:
    names = {a.key: str(a.value.string_value) for a in resource.attributes}
    return names["service.name"]
