"""From what a service measures to the trace of one request, by a real Prometheus."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import yaml
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shop_shared.http.app import create_app
from shop_shared.observability import telemetry
from shop_shared.observability.tracing import OpenTelemetrySpans
from shop_shared.settings import ServiceSettings
from shop_shared.testing import Signer
from shop_shared.testing.serving import served

from .conftest import ROOT, running_prometheus

MANIFEST = ROOT / "manifests" / "observability" / "prometheus.yaml"
SECONDS = 60


@contextmanager
def traced_service() -> Iterator[str]:
    """Serve an app in a thread, its spans kept, and give its URL."""
    spans = OpenTelemetrySpans(InMemorySpanExporter(), Resource.create({}))
    app = create_app(ServiceSettings(), title="Test", verifier=Signer().verifier())
    telemetry.set_span_backend(spans)
    ended, urls = threading.Event(), list[str]()
    begun = threading.Event()

    async def serve(listener: socket.socket) -> None:
        async with served(app, listener) as url:
            urls.append(url)
            begun.set()
            await asyncio.to_thread(ended.wait)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: asyncio.run(serve(listener)))
        thread.start()
        assert begun.wait(SECONDS)
        try:
            yield urls[0]
        finally:
            ended.set()
            thread.join()
            telemetry.set_span_backend(None)
            spans.shutdown()


def test_prometheus_keeps_which_trace_was_in_a_histogram(tmp_path: Path) -> None:
    [made] = [
        body for body in yaml.safe_load_all(MANIFEST.read_text()) if body["kind"] == "Prometheus"
    ]
    flags = [f"--enable-feature={name}" for name in made["spec"]["enableFeatures"]]
    with traced_service() as url:
        scraped = {
            "global": {"scrape_interval": "1s"},
            "storage": {"exemplars": {"max_exemplars": made["spec"]["exemplars"]["maxSize"]}},
            "scrape_configs": [
                {"job_name": "test", "static_configs": [{"targets": [url.partition("//")[2]]}]}
            ],
        }
        trace = uuid4().hex
        traceparent = f"00-{trace}-00f067aa0ba902b7-01"
        httpx.get(f"{url}/missing", headers={"traceparent": traceparent}, timeout=30)
        with running_prometheus(tmp_path, scraped, *flags) as prometheus:
            kept: list[str] = []
            deadline = time.monotonic() + SECONDS
            while trace not in kept:
                assert time.monotonic() < deadline, kept
                asked = {
                    "query": 'http_request_duration_seconds_bucket{job="test"}',
                    "start": str(time.time() - 60),
                    "end": str(time.time() + 60),
                }
                found = prometheus.get("/api/v1/query_exemplars", params=asked).json()["data"]
                kept = [e["labels"]["trace_id"] for s in found for e in s["exemplars"]]
                time.sleep(0.2)
