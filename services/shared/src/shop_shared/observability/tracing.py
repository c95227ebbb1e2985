"""Traces by OpenTelemetry. Imported only where an OTLP endpoint is configured (`telemetry`)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace as otel
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind, Tracer

from shop_shared.observability.trace_context import trace

_provider: TracerProvider | None = None
_tracer: Tracer | None = None


def configure(exporter: SpanExporter, resource: Resource) -> None:
    """Export spans by exporter, in the background."""
    global _provider, _tracer  # noqa: PLW0603 - one tracer a process, as OpenTelemetry has it
    _provider = TracerProvider(resource=resource)
    _provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = _provider.get_tracer("shop_shared")


def shutdown() -> None:
    """Send what is left, and make spans no more."""
    global _provider, _tracer  # noqa: PLW0603 - as configure
    if _provider is not None:
        _provider.shutdown()
    _provider = _tracer = None


def flush() -> None:
    """Send what is waiting, now."""
    if _provider is not None:
        _provider.force_flush()


def name_span(name: str) -> None:
    """Give the current span a better name than it began with."""
    otel.get_current_span().update_name(name)


@contextmanager
def span(
    name: str, *, kind: str, traceparent: str | None, attributes: Mapping[str, str]
) -> Iterator[None]:
    """Work in a span whose parent is traceparent; an exception marks it as failed."""
    if _tracer is None:
        with trace(traceparent):
            yield
        return
    parent = extract({"traceparent": traceparent}) if traceparent else None
    with _tracer.start_as_current_span(
        name, context=parent, kind=SpanKind[kind.upper()], attributes=dict(attributes)
    ) as current:
        context = current.get_span_context()
        with trace(
            f"00-{otel.format_trace_id(context.trace_id)}"
            f"-{otel.format_span_id(context.span_id)}-{context.trace_flags:02x}"
        ):
            yield
