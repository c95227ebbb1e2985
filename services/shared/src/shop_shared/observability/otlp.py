"""Traces sent to a collector, over OTLP/HTTP. Imported only where one is configured.

Metrics are not sent: the collector, like Prometheus, reads them from `/metrics` (ADR 0034).
"""

from collections.abc import Callable

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource

from shop_shared.observability import telemetry
from shop_shared.observability.tracing import OpenTelemetrySpans


def start(endpoint: str, *, service_name: str) -> Callable[[], None]:
    """Send traces to endpoint (a base URL) until the function returned is called."""
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    spans = OpenTelemetrySpans(exporter, Resource.create({"service.name": service_name}))
    telemetry.set_span_backend(spans)

    def stop() -> None:
        telemetry.set_span_backend(None)
        spans.shutdown()

    return stop
