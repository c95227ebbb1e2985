"""Logs, metrics and traces. Without an OTLP endpoint no tracing library is even imported."""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.exposition import choose_encoder
from starlette.exceptions import HTTPException
from structlog.tracebacks import ExceptionDictTransformer

from shop_shared.observability.trace_context import current_trace_id, current_traceparent, trace
from shop_shared.settings import ServiceSettings

requests = Counter(
    "http_requests", "HTTP requests answered", ["method", "route", "status"], unit=""
)
duration = Histogram(
    "http_request_duration_seconds",
    "Time from request to the answer's last byte, of a stream of events to its first",
    ["method", "route"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5, 10),
)


class SpanBackend(Protocol):
    """What makes spans where tracing is configured (`tracing.OpenTelemetrySpans`)."""

    def span(
        self, name: str, *, kind: str, traceparent: str | None, attributes: Mapping[str, str]
    ) -> AbstractContextManager[None]:
        """Work in a span whose parent is traceparent."""

    def name_span(self, name: str) -> None:
        """Rename the current span."""

    def fail_span(self, why: str) -> None:
        """Mark the current span as failed."""


_backend: SpanBackend | None = None
_SAMPLED = 0x01
"""Of a traceparent's flags (W3C Trace Context, 3.2.2.5)."""


def set_span_backend(backend: SpanBackend | None) -> None:
    """Make spans by backend from now on; by None, only pass the trace context on."""
    global _backend  # noqa: PLW0603 - one backend a process, as OpenTelemetry has it
    _backend = backend


def configure_logging(settings: ServiceSettings) -> None:
    """Write JSON lines on stdout, with the service's name and the trace id of what is in hand."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]

    def add_context(
        _logger: object, _method: str, entry: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        entry["service"] = settings.service_name
        if trace_id := current_trace_id():
            entry["trace_id"] = trace_id
        return entry

    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_context,
        # Without the variables of its frames: passwords, codes and addresses are among them.
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
    ]
    structlog.configure(
        processors=[
            *processors,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    # Libraries log by the standard library: the same lines.
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=processors,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_dumps),
            ],
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


def install_metrics(app: FastAPI) -> None:
    """Add /metrics, in Prometheus' text format, or in OpenMetrics for whoever asks for that.

    Only OpenMetrics has exemplars. Who comes through a proxy is a visitor, and finds nothing there.
    """

    async def metrics(request: Request) -> Response:
        if "x-forwarded-for" in request.headers:
            raise HTTPException(404)
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(REGISTRY), media_type=media_type)

    app.add_api_route("/metrics", metrics, methods=["GET"], include_in_schema=False)


@contextmanager
def span(name: str, *, kind: str, traceparent: str | None, **attributes: str) -> Iterator[None]:
    """Work as a part of the trace of traceparent, or of a new one.

    Kind is "server", "consumer", "producer" or "client". Exported where tracing is configured.
    """
    if _backend is None:
        with trace(traceparent):
            yield
    else:
        with _backend.span(name, kind=kind, traceparent=traceparent, attributes=attributes):
            yield


def exemplar(traceparent: str | None = None) -> dict[str, str] | None:
    """Return what leads from what is measured to its trace; None where no trace is kept.

    The trace is that of traceparent, or the one in hand.
    """
    if _backend is None or not (traceparent := traceparent or current_traceparent()):
        return None
    _, trace_id, _, flags = traceparent.split("-")
    return {"trace_id": trace_id} if int(flags, 16) & _SAMPLED else None


def name_span(name: str) -> None:
    """Give the current span a better name than it began with (the route is known only later)."""
    if _backend is not None:
        _backend.name_span(name)


def fail_span(why: str) -> None:
    """Mark the current span as failed, where no exception does."""
    if _backend is not None:
        _backend.fail_span(why)


def start_export(settings: ServiceSettings) -> Callable[[], None]:
    """Send traces and metrics to `otlp_endpoint`, if there is one; returns what ends it."""
    if not settings.otlp_endpoint:
        return lambda: None
    from shop_shared.observability import otlp  # noqa: PLC0415 - OpenTelemetry costs memory: only if used

    return otlp.start(settings.otlp_endpoint, service_name=settings.service_name)


def _dumps(entry: Any, **_options: object) -> str:  # noqa: ANN401 - structlog's signature
    return orjson.dumps(entry, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
