"""Metrics over OTLP: what /metrics shows, sent. Imported only where an OTLP endpoint is configured.

There is one registry, Prometheus', and one way to measure. OpenTelemetry's SDK has no reader of
another registry, so its data model is filled here and its exporter sends it (ADR 0034).
"""

import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import structlog
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.environment_variables import OTEL_METRIC_EXPORT_INTERVAL
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import REGISTRY
from prometheus_client import Metric as Family
from prometheus_client.samples import Sample

_CUMULATIVE = AggregationTemporality.CUMULATIVE
_log = structlog.get_logger(__name__)


class MetricsExport:
    """Sends the registry's metrics every so often, and once more when it is stopped."""

    def __init__(self, endpoint: str, resource: Resource) -> None:
        """Endpoint is the collector's base URL; the interval is OpenTelemetry's own setting."""
        self._exporter = OTLPMetricExporter(endpoint=f"{endpoint}/v1/metrics")
        self._resource = resource
        self._begun = time.time_ns()
        self._interval = int(os.environ.get(OTEL_METRIC_EXPORT_INTERVAL, "60000")) / 1000
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send what there is and end."""
        self._stopped.set()
        self._thread.join()
        self._exporter.shutdown()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            self._send()
        self._send()

    def _send(self) -> None:
        data = metrics_data(REGISTRY.collect(), self._resource, begun=self._begun)
        if self._exporter.export(data) is not MetricExportResult.SUCCESS:
            _log.warning("metrics not exported")


class _Span(NamedTuple):
    """From when to when was counted, in nanoseconds since 1970."""

    begun: int
    ended: int


def metrics_data(families: Iterable[Family], resource: Resource, *, begun: int) -> MetricsData:
    """Return the families as OpenTelemetry has them, counted since begun (ns since 1970)."""
    span = _Span(begun, time.time_ns())
    scope = ScopeMetrics(
        scope=InstrumentationScope("shop_shared"),
        metrics=[_metric(family, span) for family in families],
        schema_url="",
    )
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _metric(family: Family, span: _Span) -> Metric:
    data: Sum | Histogram | Gauge
    match family.type:
        case "counter":
            totals = [sample for sample in family.samples if sample.name.endswith("_total")]
            data = Sum(_points(totals, span), _CUMULATIVE, is_monotonic=True)
        case "histogram":
            data = Histogram(list(_histogram(family, span)), _CUMULATIVE)
        case _:
            data = Gauge(_points(family.samples, span))
    # A unit would become part of the name once more where Prometheus reads them from a collector.
    return Metric(name=family.name, description=family.documentation, unit="", data=data)


def _points(samples: Sequence[Sample], span: _Span) -> list[NumberDataPoint]:
    return [NumberDataPoint(sample.labels, *span, sample.value) for sample in samples]


def _histogram(family: Family, span: _Span) -> Iterator[HistogramDataPoint]:
    by_labels: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for sample in family.samples:
        labels = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        by_labels.setdefault(labels, []).append(sample)
    for labels, samples in by_labels.items():
        buckets = [sample for sample in samples if sample.name.endswith("_bucket")]
        reached = [0, *(int(bucket.value) for bucket in buckets)]
        yield HistogramDataPoint(
            dict(labels),
            *span,
            count=reached[-1],
            sum=next(sample.value for sample in samples if sample.name.endswith("_sum")),
            bucket_counts=[upper - lower for lower, upper in pairwise(reached)],
            explicit_bounds=[float(bucket.labels["le"]) for bucket in buckets[:-1]],
            min=None,  # type: ignore[arg-type]  # optional in OTLP, and unknown here
            max=None,  # type: ignore[arg-type]  # as min
        )
