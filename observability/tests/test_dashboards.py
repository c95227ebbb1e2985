"""The dashboards: fresh, whole, and asking for what is there."""

import json
import re
from pathlib import Path

import httpx
import pytest
import yaml
from shop_servers.promtool import Promtool

from shop_observability.promql import board_queries, uses
from shop_observability.write import FOLDER, every_board, rendered, stale, write
from shop_shared.money import minor_digits

from .emitted import Emitted

# Of every process or machine: what matters of it is shown.
PROCESS = ("python_", "process_", "go_", "node_", "promhttp_")
QUERIES = list(board_queries(every_board()))


def test_the_json_is_fresh() -> None:
    assert stale(FOLDER) == []


@pytest.mark.parametrize("folder", [FOLDER, FOLDER.parents[1] / "docs" / "runbooks"])
def test_each_file_is_brought_to_the_cluster(folder: Path) -> None:
    [made] = yaml.safe_load((folder / "kustomization.yaml").read_text())["configMapGenerator"]
    there = {file.name for file in folder.iterdir()} - {"kustomization.yaml"}
    assert made["files"] == sorted(there)


def test_a_changed_a_missing_and_a_foreign_file_are_stale(tmp_path: Path) -> None:
    write(tmp_path)
    assert stale(tmp_path) == []
    first, second = sorted(tmp_path.glob("*.json"))[:2]
    first.write_text(first.read_text() + " ")
    second.unlink()
    (tmp_path / "of-yesterday.json").write_text("{}")
    assert stale(tmp_path) == sorted([first.name, second.name, "of-yesterday.json"])
    write(tmp_path)
    assert stale(tmp_path) == []


def test_each_has_an_address_and_panels_of_its_own() -> None:
    boards = every_board()
    assert len(boards) >= 7
    assert len({board.uid for board in boards}) == len(boards)
    for board in boards:
        titles = [panel.title for panel in board.panels()]
        assert len(set(titles)) == len(titles), board.uid
        assert all(panel.description.endswith(".") for panel in board.panels()), board.uid


def test_minor_units_are_explained_as_the_shop_counts_them() -> None:
    panels = [panel for board in every_board() for panel in board.panels()]
    [said] = {p.description for p in panels if p.title == "Captured, in minor units"}
    found = re.findall(r"in ([A-Z]{3})\b[^\d,]*(\d*)\.?(\d*)", said)
    assert {currency: len(decimals) for currency, _, decimals in found} == {
        currency: minor_digits(currency) for currency in re.findall(r"[A-Z]{3}", said)
    }


@pytest.mark.parametrize("name", sorted(rendered()))
def test_each_variable_that_a_query_uses_is_declared(name: str) -> None:
    board = json.loads((FOLDER / name).read_text())
    declared = {variable["name"] for variable in board["templating"]["list"]}
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            used = set(re.findall(r"\$(?!__)\{?(\w+)", json.dumps(target)))
            assert used <= declared, panel["title"]


@pytest.mark.parametrize(("where", "query"), QUERIES, ids=[where for where, _ in QUERIES])
def test_each_query_is_one_that_prometheus_takes(
    prometheus: httpx.Client, where: str, query: str
) -> None:
    answer = prometheus.get("/api/v1/query", params={"query": query}).json()
    assert answer["status"] == "success", answer
    assert answer["data"]["resultType"] in {"vector", "scalar"}


@pytest.mark.parametrize(
    "case",
    [
        ("_x90 1x60", "1x150", 1),
        ("3x90 4x60", "1x150", 1),
        ("3x38 stale _x2 3x100", "1x38 0x2 1x100", 0),
        ("_x80 3x60", "_x80 1x60", 0),
    ],
    ids=["the first", "a further one", "it was not reached as that began", "Prometheus is new"],
)
@pytest.mark.parametrize(
    "counter",
    [
        (
            "Dead letters in the time shown",
            'events_consumed_total{namespace="shop",outcome="dead_lettered",',
            'group="order",topic="payment.events",type="a"',
        ),
        (
            "Captured, in minor units",
            'payment_minor_units_total{namespace="shop",direction="captured",',
            'currency="EUR"',
        ),
    ],
    ids=["dead letters", "money"],
)
def test_what_was_counted_in_the_time_shown_is_shown(
    promtool: Promtool, tmp_path: Path, counter: tuple[str, str, str], case: tuple[str, str, int]
) -> None:
    (panel, series, by), (values, up, shown) = counter, case
    [query] = [query for where, query in QUERIES if where.endswith(panel)]
    test = {
        "interval": "1m",
        "input_series": [
            {"series": f"{series}{by}}}", "values": values},
            {"series": 'up{job="order"}', "values": up},
        ],
        "promql_expr_test": [
            {
                "expr": f"round({query}, 0.1)",
                "eval_time": "100m",
                "exp_samples": [{"labels": f"{{{by}}}", "value": shown}],
            }
        ],
    }
    file = tmp_path / "test.yaml"
    file.write_text(json.dumps({"tests": [test]}))  # JSON is YAML
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("query", ["rate(up)", "sum by (job (up)", "up{job=order}", "$service"])
def test_prometheus_refuses_what_is_none(prometheus: httpx.Client, query: str) -> None:
    assert prometheus.get("/api/v1/query", params={"query": query}).status_code == 400


@pytest.mark.parametrize(("where", "query"), QUERIES, ids=[where for where, _ in QUERIES])
def test_each_metric_is_one_that_the_code_emits(emitted: Emitted, where: str, query: str) -> None:
    found = uses(query)
    assert found
    assert [fault for use in found for fault in emitted.faults(use.metric, use.labels)] == []


def test_a_metric_or_label_that_nobody_emits_is_found(emitted: Emitted) -> None:
    [made_up] = uses("rate(orders_total[5m])")
    assert emitted.faults(made_up.metric, made_up.labels) == ["nobody emits orders_total"]
    [wrong] = uses("sum by (path) (rate(http_requests_total[5m]))")
    assert emitted.faults(wrong.metric, wrong.labels) == ["http_requests_total has no label path"]
    [hidden] = uses('gateway_request_seconds_count{service="order"}')
    assert emitted.faults(hidden.metric, hidden.labels) != []
    [renamed] = uses('gateway_request_seconds_count{exported_service="order"}')
    assert emitted.faults(renamed.metric, renamed.labels) == []


def test_every_metric_of_the_shop_is_on_a_dashboard_or_said_to_be_left_out(
    emitted: Emitted,
) -> None:
    shown = {use.metric for _, query in QUERIES for use in uses(query)}
    kinds = {re.sub(r"_(bucket|count|sum)$", "", name) for name in shown}
    every = {re.sub(r"_(bucket|count|sum)$", "", name) for name in emitted.labels}
    every = {name for name in every if not name.startswith(PROCESS)}
    every = {name for name in every if not name.endswith("_created")}
    assert every - kinds == {
        "product_purged_total",  # what retention deletes concerns nobody
        "shipping_cache_reads_total",  # of the tracking page: no promise hangs on it
        "shop_operator_lists_total",  # a detail of the watches
        "shop_operator_schema_failures_total",  # in docs/operator.md, for whoever debugs it
    }
