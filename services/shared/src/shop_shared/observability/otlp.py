"""Telemetry sent to a collector, over OTLP/HTTP. Imported only where one is configured."""

from collections.abc import Callable

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource

from shop_shared.observability import tracing
from shop_shared.observability.metrics import MetricsExport


def start(endpoint: str, *, service_name: str) -> Callable[[], None]:
    """Send traces and metrics to endpoint (a base URL) until the function returned is called."""
    base = endpoint.rstrip("/")
    resource = Resource.create({"service.name": service_name})
    tracing.configure(OTLPSpanExporter(endpoint=f"{base}/v1/traces"), resource)
    metrics = MetricsExport(base, resource)

    def stop() -> None:
        tracing.shutdown()
        metrics.stop()

    return stop
