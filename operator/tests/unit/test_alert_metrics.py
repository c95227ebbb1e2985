"""Alerts ask for metrics and labels that a service really has: held against a real scrape."""

import math
import re
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from shop_operator.children.prometheus_rule import LONGEST_LATENCY_MS, prometheus_rules
from shop_operator.settings import Settings
from shop_operator.spec import parse
from shop_shared.http.app import create_app
from shop_shared.messaging import event_metrics
from shop_shared.settings import ServiceSettings

from .specs import service

SELECTOR = re.compile(r"([a-z_]+)\{([^}]*)\}")
BY_PROMETHEUS = {"namespace", "job"}
"""Labels that the scrape itself adds, by the ServiceMonitor."""


@pytest.fixture
async def samples() -> dict[str, set[str]]:
    """What /metrics answers after a failed request and a look at the outbox: labels by sample."""
    app = create_app(ServiceSettings.model_validate({"service_name": "probe"}), title="Probe")

    async def fail() -> None:
        raise RuntimeError("as a bug would")

    app.add_api_route("/fail", fail)
    event_metrics.captured.labels("probe").set(1)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://probe") as client:
        assert (await client.get("/fail")).status_code == 500
        scraped = (await client.get("/metrics")).text
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(scraped):
        for sample in family.samples:
            if sample.labels.get("route") == "/fail" or "database" in sample.labels:
                found.setdefault(sample.name, set()).update(sample.labels)
                if "status" in sample.labels:
                    assert re.fullmatch("5..", sample.labels["status"])
    return found


def test_every_alert_asks_for_what_is_there(samples: dict[str, set[str]]) -> None:
    spec = {
        "image": "a:1",
        "slo": {"availability": "99.9", "latencyP99Ms": 300},
        "database": {"kind": "postgres", "name": "probe"},
        "events": {"publishes": [{"topic": "probe.events"}], "outbox": {}},
    }
    [rule] = prometheus_rules(parse(service("probe", spec)), Settings())
    asked = [
        selector
        for group in rule["spec"]["groups"]
        for alert in group["rules"]
        for selector in _selectors(alert["expr"])
    ]
    assert {name for name, _ in asked} == {
        "http_requests_total",
        "http_request_duration_seconds_bucket",
        "outbox_captured",
        "up",
    }
    samples["up"] = set()  # Prometheus' own: 1 for each target that answered
    for name, labels in asked:
        assert labels - BY_PROMETHEUS <= samples[name]
    assert any("status" in labels for _, labels in asked)


@pytest.mark.usefixtures("samples")
def test_the_longest_latency_is_the_last_bucket_of_our_services() -> None:
    ends = [
        float(sample.labels["le"])
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "http_request_duration_seconds_bucket"
    ]
    assert sorted(set(ends))[-2:] == [LONGEST_LATENCY_MS / 1000, math.inf]


def _selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each metric's name with the labels that it is chosen by."""
    for name, labels in SELECTOR.findall(expression):
        yield name, {label.partition("=")[0] for label in labels.split(",")}
