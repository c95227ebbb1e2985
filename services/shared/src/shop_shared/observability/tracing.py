"""Traces by OpenTelemetry. Imported only where an OTLP endpoint is configured (`telemetry`)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace as otel
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from shop_shared.observability.trace_context import trace


class OpenTelemetrySpans:
    """Makes spans and exports them by exporter, in the background (a `telemetry.SpanBackend`)."""

    def __init__(self, exporter: SpanExporter, resource: Resource) -> None:
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("shop_shared")

    def shutdown(self) -> None:
        """Send what is left, and export no more."""
        self._provider.shutdown()

    def flush(self) -> None:
        """Send what is waiting, now."""
        self._provider.force_flush()

    def name_span(self, name: str) -> None:
        """Give the current span a better name than it began with."""
        otel.get_current_span().update_name(name)

    def fail_span(self, why: str) -> None:
        """Mark the current span as failed."""
        otel.get_current_span().set_status(StatusCode.ERROR, why)

    @contextmanager
    def span(
        self, name: str, *, kind: str, traceparent: str | None, attributes: Mapping[str, str]
    ) -> Iterator[None]:
        """Work in a span whose parent is traceparent; an exception marks it as failed."""
        parent = extract({"traceparent": traceparent}) if traceparent else None
        with self._tracer.start_as_current_span(
            name, context=parent, kind=SpanKind[kind.upper()], attributes=dict(attributes)
        ) as current:
            context = current.get_span_context()
            with trace(
                f"00-{otel.format_trace_id(context.trace_id)}"
                f"-{otel.format_span_id(context.span_id)}-{context.trace_flags:02x}"
            ):
                yield
