"""Prometheus' own promtool reads the rendered alerts, and they fire when they should (O30)."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from shop_servers.promtool import Promtool

from shop_operator.children.prometheus_rule import prometheus_rules
from shop_operator.settings import Settings
from shop_operator.spec import parse

from ..unit.specs import NAMES, service, specs  # noqa: TID252 - tests are no installed package

ROOT = Path(__file__).parents[3]
EVERYTHING = {
    "image": "a:1",
    "slo": {"availability": "99.9", "latencyP99Ms": 300},
    "database": {"kind": "postgres", "name": "a"},
    "events": {"publishes": [{"topic": "a.events"}], "outbox": {}},
}
OF = 'namespace="shop",job="a"'


def groups(*bodies: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the groups of rules of these ShopServices."""
    found = [rule for body in bodies for rule in prometheus_rules(parse(body), Settings())]
    return [group for each in found for group in each["spec"]["groups"]]


def rules_file(folder: Path, *bodies: dict[str, Any]) -> Path:
    """Write one file as the Prometheus operator does: `groups` is the spec of a PrometheusRule."""
    path = folder / "rules.yaml"
    path.write_text(json.dumps({"groups": groups(*bodies)}))  # JSON is YAML
    return path


def check(promtool: Promtool, path: Path) -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_of_the_whole_shop_are_right(promtool: Promtool, tmp_path: Path) -> None:
    files = [*(ROOT / "manifests" / "shop").glob("*.yaml")]
    files += (ROOT / "operator" / "tests" / "fixtures").glob("*/shopservice.yaml")
    bodies = [yaml.safe_load(path.read_text()) for path in files]
    staging = [{**b, "metadata": {**b["metadata"], "namespace": "staging"}} for b in bodies]
    assert len(bodies) > 10
    check(promtool, rules_file(tmp_path, *bodies, *staging))


@pytest.mark.parametrize("expr", ["up ==", "sum by (", 'up{job="a}', "rate(up)"])
def test_promtool_refuses_what_is_no_expression(
    promtool: Promtool, tmp_path: Path, expr: str
) -> None:
    alert = {"name": "Wrong", "expr": expr, "summary": "a", "severity": "page"}
    path = rules_file(tmp_path, service("a", {"image": "a:1", "alerts": [alert]}))
    assert promtool("check", "rules", path).returncode != 0


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=NAMES, spec=specs())
def test_the_rules_of_any_spec_are_right(
    promtool: Promtool, tmp_path: Path, name: str, spec: dict[str, Any]
) -> None:
    without = {key: value for key, value in spec.items() if key != "alerts"}  # anybody's own text
    check(promtool, rules_file(tmp_path, service(name, without)))


def alert(name: str, at: str, *fired: dict[str, str]) -> dict[str, Any]:
    """Return the expectation that an alert fires with these labels besides its own, or not."""
    own = {"service": "a", "namespace": "shop"}
    return {
        "alertname": name,
        "eval_time": at,
        "exp_alerts": [{"exp_labels": own | labels} for labels in fired],
    }


def requests(status: str, each: str) -> dict[str, str]:
    """Return a counter of requests that grows so, a value a minute."""
    return {"series": f'http_requests_total{{{OF},status="{status}"}}', "values": each}


PAGE, TICKET = {"severity": "page"}, {"severity": "ticket"}
HEALTHY = {"series": f"up{{{OF}}}", "values": "1x1500"}
BUCKET = f"http_request_duration_seconds_bucket{{{OF}"
SLOW = [
    {"series": BUCKET + ',le="0.3"}', "values": "0+50x1500"},
    {"series": BUCKET + ',le="1"}', "values": "0+60x1500"},
    {"series": BUCKET + ',le="+Inf"}', "values": "0+60x1500"},
]
QUICK = [each | {"values": "0+60x1500"} for each in SLOW]
CASES: dict[str, tuple[list[dict[str, str]], list[dict[str, Any]]]] = {
    "all is well": (
        [
            HEALTHY,
            requests("200", "0+600x1500"),
            requests("500", "0+0x1500"),
            *QUICK,
            {"series": f"outbox_captured{{{OF}}}", "values": "1x1500"},
        ],
        [
            alert(name, "20h")
            for name in (
                "ServiceDown",
                "ErrorBudgetBurning",
                "LatencyObjectiveMissed",
                "OutboxNotCaptured",
            )
        ],
    ),
    "a tenth of the requests fails": (
        [HEALTHY, requests("200", "0+540x1500"), requests("500", "0+60x1500")],
        [
            alert(
                "ErrorBudgetBurning",
                "20h",
                PAGE | {"window": "1h"},
                PAGE | {"window": "6h"},
                TICKET | {"window": "3d"},
            )
        ],
    ),
    "two of a thousand fail: no reason to wake anybody": (
        [HEALTHY, requests("200", "0+998x1500"), requests("500", "0+2x1500")],
        [alert("ErrorBudgetBurning", "20h", TICKET | {"window": "3d"})],
    ),
    "two requests fail in an hour, of a service that is seldom asked": (
        [HEALTHY, requests("200", "0+1x1500"), requests("500", "0x1150 1x20 2x330")],
        [alert("ErrorBudgetBurning", f"{minute}m") for minute in range(1140, 1260)],
    ),
    "all fail, of a service that is asked three times an hour": (
        [HEALTHY, requests("500", " ".join(str(minute // 20) for minute in range(1500)))],
        [alert("ErrorBudgetBurning", "20h", PAGE | {"window": "6h"}, TICKET | {"window": "3d"})],
    ),
    "nobody is scraped": ([], [alert("ServiceDown", "4m"), alert("ServiceDown", "10m", PAGE)]),
    "the pods do not answer": (
        [{"series": f"up{{{OF}}}", "values": "1x10 0x1500"}],
        [alert("ServiceDown", "10m"), alert("ServiceDown", "30m", PAGE)],
    ),
    "the only pod answers for a minute, crashes and is started again after five": (
        [{"series": f"up{{{OF}}}", "values": "1x60 " + "0x4 1 " * 20}],
        [alert("ServiceDown", f"{minute}m", PAGE) for minute in range(80, 150)],
    ),
    "the only pod was started again twice": (
        [{"series": f"up{{{OF}}}", "values": "1x60 0 1x2 0 1x60"}],
        [alert("ServiceDown", f"{minute}m") for minute in range(50, 120)],
    ),
    "one of two pods crashes again and again": (
        [HEALTHY, {"series": f'up{{{OF},pod="b"}}', "values": "1x60 " + "0x4 1 " * 20}],
        [alert("ServiceDown", f"{minute}m") for minute in range(50, 150)],
    ),
    "a sixth takes longer than 300 ms": (
        [HEALTHY, *SLOW],
        [alert("LatencyObjectiveMissed", "2h", TICKET)],
    ),
    "nobody reads the outbox": (
        [HEALTHY, {"series": f"outbox_captured{{{OF}}}", "values": "0x1500"}],
        [alert("OutboxNotCaptured", "5m"), alert("OutboxNotCaptured", "15m", PAGE)],
    ),
}


def test_the_first_payment_that_needs_a_person_calls_one(
    promtool: Promtool, tmp_path: Path
) -> None:
    payment = yaml.safe_load((ROOT / "manifests" / "shop" / "payment.yaml").read_text())
    path = rules_file(tmp_path, payment)
    [own] = [each for each in groups(payment) if each["name"].endswith(".own")]
    [rule] = own["rules"]
    labels = {**rule["labels"], "kind": "dispute"}
    fired = [{"exp_labels": labels, "exp_annotations": rule["annotations"]}]
    name = "PaymentNeedsAPerson"
    test = {
        "interval": "1m",
        "input_series": [
            {
                "series": 'payment_alerts_total{namespace="shop",job="payment",kind="dispute"}',
                "values": "_x20 1x60",
            },
            HEALTHY,
        ],
        "alert_rule_test": [
            {"alertname": name, "eval_time": "19m", "exp_alerts": []},
            {"alertname": name, "eval_time": "21m", "exp_alerts": fired},
            {"alertname": name, "eval_time": "50m", "exp_alerts": []},
        ],
    }
    file = tmp_path / "test.yaml"
    file.write_text(json.dumps({"rule_files": [path.name], "tests": [test]}))
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES)
def test_alerts_fire_when_they_should(promtool: Promtool, tmp_path: Path, case: str) -> None:
    path = rules_file(tmp_path, service("a", EVERYTHING))
    summaries = {
        (rule["alert"], rule["labels"].get("window")): rule["annotations"]
        for group in groups(service("a", EVERYTHING))
        for rule in group["rules"]
    }
    series, alerts = CASES[case]
    for each in alerts:
        for fired in each["exp_alerts"]:
            window = fired["exp_labels"].get("window")
            fired["exp_annotations"] = summaries[each["alertname"], window]
    test = {"interval": "1m", "input_series": series, "alert_rule_test": alerts}
    file = tmp_path / "test.yaml"
    file.write_text(json.dumps({"rule_files": [path.name], "tests": [test]}))
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr
