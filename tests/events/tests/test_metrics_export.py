"""What /metrics shows is sent to a collector, over OTLP."""

import asyncio

import httpx
import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from prometheus_client.parser import text_string_to_metric_families
from shop_event_path.collector import Collector, collector

from shop_shared.http.app import create_app
from shop_shared.messaging import event_metrics
from shop_shared.observability import telemetry
from shop_shared.settings import ServiceSettings
from shop_shared.testing.signer import Signer

CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE


async def sent_and_shown() -> tuple[Collector, dict[str, dict[tuple[str, ...], float]]]:
    """Some requests and events; what the collector got, and the samples of /metrics.

    A sample is named by its labels' values, in the order of their names.
    """
    with collector() as received:
        settings = ServiceSettings(service_name="measured", otlp_endpoint=received.endpoint)
        app = create_app(settings, title="measured", verifier=Signer().verifier())
        transport = httpx.ASGITransport(app)
        stop = telemetry.start_export(settings)
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
                for _ in range(3):
                    await client.get("/asked-in-vain")
                event_metrics.lag.labels("measured", "things.events", 0).set(7)
                text = (await client.get("/metrics")).text
        finally:
            await asyncio.to_thread(stop)
    shown: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            values = tuple(value for _, value in sorted(sample.labels.items()))
            shown.setdefault(sample.name, {})[values] = sample.value
    return received, shown


async def test_a_counter_a_gauge_and_a_histogram_arrive_as_they_are_shown() -> None:
    received, shown = await sent_and_shown()

    counter = received.metrics["measured", "http_requests"].sum
    assert counter.is_monotonic
    assert counter.aggregation_temporality == CUMULATIVE
    [requests] = [
        point.as_double
        for point in counter.data_points
        if [a.value.string_value for a in point.attributes] == ["GET", "unmatched", "404"]
    ]
    assert requests == shown["http_requests_total"]["GET", "unmatched", "404"] >= 3

    lags = received.metrics["measured", "event_lag"].gauge.data_points
    [lag] = [
        point.as_double
        for point in lags
        if {a.key: a.value.string_value for a in point.attributes}
        == {"group": "measured", "topic": "things.events", "partition": "0"}
    ]
    assert lag == 7

    times = received.metrics["measured", "http_request_duration_seconds"].histogram
    [point] = [
        point
        for point in times.data_points
        if [a.value.string_value for a in point.attributes] == ["GET", "unmatched"]
    ]
    assert point.count == shown["http_request_duration_seconds_count"]["GET", "unmatched"]
    assert point.sum == pytest.approx(
        shown["http_request_duration_seconds_sum"]["GET", "unmatched"]
    )
    below = 0
    for bound, count in zip(
        [*point.explicit_bounds, float("inf")], point.bucket_counts, strict=True
    ):
        below += count
        label = "+Inf" if bound == float("inf") else str(bound)
        assert below == shown["http_request_duration_seconds_bucket"][label, "GET", "unmatched"]
    assert 0 < point.start_time_unix_nano < point.time_unix_nano


async def test_every_family_of_the_registry_arrives() -> None:
    received, shown = await sent_and_shown()
    sent = {name for service, name in received.metrics if service == "measured"}
    families = {"http_requests", "events_consumed", "event_age_seconds", "event_batch_size"}
    assert families | {"process_resident_memory_bytes", "python_info"} <= sent
    assert "python_info" in shown
