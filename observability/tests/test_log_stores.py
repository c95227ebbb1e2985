"""Logstash and Kibana: the documents and fields that rsyslog and OpenSearch have, and no others."""

import fnmatch
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from shop_observability.write import rendered

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "observability" / "logs"
PIPELINE = (ROOT / "observability" / "logstash" / "pipeline.conf").read_text()
OBJECTS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (ROOT / "observability/kibana/saved-objects.ndjson").read_text().splitlines()
]
SEARCHES = [found for found in OBJECTS if found["type"] == "search"]
UPSTREAM = ROOT / "manifests" / "observability" / "upstream"


def mapped(properties: dict[str, Any], prefix: str = "") -> set[str]:
    """Return the paths of the fields that an index template maps."""
    found = set()
    for name, field in properties.items():
        below = field.get("properties")
        found |= mapped(below, f"{prefix}{name}.") if below else {f"{prefix}{name}"}
    return found


FIELDS = mapped(
    json.loads((LOGS / "template.json").read_text())["template"]["mappings"]["properties"]
)


def test_rsyslogs_pipeline_and_logstashs_write_the_same_fields() -> None:
    ingest = json.loads((LOGS / "pipeline.json").read_text())["processors"]
    renamed = {p["rename"]["target_field"] for p in ingest if "rename" in p}
    [dissected] = [p["dissect"]["pattern"] for p in ingest if "dissect" in p]
    by_rsyslog = renamed | set(re.findall(r"%{([\w.]+)}", dissected)) | {"@timestamp", "message"}
    by_logstash = set(re.findall(r'^ +"\[line\]\[\w+\]" => "(\w+)"$', PIPELINE, re.MULTILINE))
    by_logstash |= {
        f"kubernetes.{name}" for name in re.findall(r"%{\[kubernetes\]\[(\w+)\]}", PIPELINE)
    }
    assert by_rsyslog == by_logstash | {"@timestamp", "message"} == FIELDS


def test_logstashs_pipeline_writes_the_data_stream_that_the_template_is_for() -> None:
    parts = dict(re.findall(r'data_stream_(\w+) => "(\w+)"', PIPELINE))
    assert parts == {"type": "logs", "dataset": "shop", "namespace": "default"}
    assert "logs-*" in json.loads((LOGS / "template.json").read_text())["index_patterns"]
    without_comments = re.sub(r'#.*|"[^"]*"|/\S+/', "", PIPELINE)
    assert without_comments.count("{") == without_comments.count("}")


def test_kibanas_objects_refer_to_ones_that_are_there() -> None:
    there = {(found["type"], found["id"]) for found in OBJECTS}
    assert len(there) == len(OBJECTS)
    wanted = {(r["type"], r["id"]) for found in OBJECTS for r in found["references"]}
    assert wanted <= there
    [dashboard] = [found for found in OBJECTS if found["type"] == "dashboard"]
    panels = json.loads(dashboard["attributes"]["panelsJSON"])
    assert {p["panelRefName"] for p in panels} == {r["name"] for r in dashboard["references"]}
    assert {r["id"] for r in dashboard["references"]} == {found["id"] for found in SEARCHES}


@pytest.mark.parametrize("search", SEARCHES, ids=lambda found: found["id"])
def test_kibanas_searches_ask_for_fields_that_are_mapped(search: dict[str, Any]) -> None:
    source = json.loads(search["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
    query = source["query"]
    assert query["language"] == "lucene"
    asked = set(re.findall(r"(?<!\S)([\w.]+):", query["query"])) - {"_exists_"}
    asked |= set(re.findall(r"_exists_:(\S+)", query["query"]))
    assert asked
    assert asked | set(search["attributes"]["columns"]) <= FIELDS


def test_grafana_is_given_every_dashboard_and_its_links_lead_to_sources_that_it_has() -> None:
    given = yaml.safe_load((ROOT / "observability/dashboards/kustomization.yaml").read_text())
    assert set(given["configMapGenerator"][0]["files"]) == set(rendered())
    sources = yaml.safe_load((UPSTREAM / "grafana-datasources.yaml").read_text())["datasources"]
    linked = set(re.findall(r"'datasourceUid': '(\w+)'", str(sources)))
    assert linked == {found["uid"] for found in sources}


def test_the_page_is_given_every_runbook() -> None:
    given = yaml.safe_load((ROOT / "docs/runbooks/kustomization.yaml").read_text())
    there = {page.name for page in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert set(given["configMapGenerator"][0]["files"]) == there


@contextmanager
def log_store(indices: list[str], asked: list[str]) -> Iterator[str]:
    """Serve a store that has these indices, the newest first; note what it is asked for."""

    class Store(BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked.append(f"{self.command} {self.path}")
            pattern = self.path.removeprefix("/_cat/indices/").partition("?")[0]
            body = "".join(f"{each}\n" for each in fnmatch.filter(indices, pattern)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - http.server's names

    with HTTPServer(("127.0.0.1", 0), Store) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("count", [0, 1, 4, 5, 9])
def test_only_the_newest_logs_and_traces_are_kept(count: int) -> None:
    logs = [f".ds-logs-shop-default-{number:06}" for number in range(count, 0, -1)]
    traces = [f"jaeger-jaeger-span-2026-11-{day:02}" for day in range(count, 0, -1)]
    others = ["jaeger-jaeger-dependencies-2026-11-01", ".kibana_1"] * count
    asked: list[str] = []
    with log_store([*logs, *traces, *others], asked) as url:
        subprocess.run(["sh", LOGS / "keep.sh", url], check=True)
    assert "POST /logs-shop-default/_rollover" in asked
    deleted = {each.removeprefix("DELETE /") for each in asked if each.startswith("DELETE")}
    assert deleted == {*logs[4:], *traces[3:]}


def test_elasticsearch_keeps_less_than_its_volume_holds() -> None:
    [job] = yaml.safe_load_all((UPSTREAM / "log-store.yaml").read_text())
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [kept] = [each["command"][2:] for each in pod["containers"]]
    assert kept == ["http://elasticsearch:9200", "2gb", "4", "3"]
    documents = yaml.safe_load_all((UPSTREAM / "elasticsearch.yaml").read_text())
    [claim] = next(documents)["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"] == {"storage": "20Gi"}


def test_the_log_store_has_room_for_what_is_kept() -> None:
    documents = yaml.safe_load_all((UPSTREAM.parent / "opensearch.yaml").read_text())
    [pod] = [each["spec"]["template"]["spec"] for each in documents if each["kind"] != "Service"]
    [data] = [each["emptyDir"] for each in pod["volumes"] if each["name"] == "data"]
    size, indices = re.findall(r"\$\{[23]:-(\d+)", (LOGS / "keep.sh").read_text())
    assert data["sizeLimit"] == "2Gi"
    assert int(size) * int(indices) <= 1024
    [side] = [each for each in pod["containers"] if each["name"] == "log-store"]
    assert "sh /log-store/keep.sh http://127.0.0.1:9200" in side["command"][-1]
    brought = yaml.safe_load((LOGS / "kustomization.yaml").read_text())["configMapGenerator"]
    assert "keep.sh" in brought[0]["files"]
