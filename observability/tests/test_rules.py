"""The alert rules: right, asking for what is there, firing when they should, each with a page."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from shop_servers.promtool import Promtool

from shop_observability.promql import uses
from shop_observability.rules import alerts, groups
from shop_observability.write import rendered

from .counter_rule_cases import CASES as COUNTER_CASES
from .emitted import Emitted
from .node_rule_cases import CASES as NODE_CASES
from .promise_rule_cases import CASES as PROMISE_CASES
from .replica_rule_cases import CASES as REPLICA_CASES
from .rule_cases import CASES as SHOP_CASES
from .rule_cases import Case
from .store_rule_cases import CASES as STORE_CASES

CASES = (*SHOP_CASES, *COUNTER_CASES, *NODE_CASES, *PROMISE_CASES, *STORE_CASES, *REPLICA_CASES)
ROOT = Path(__file__).resolve().parents[2]
RUNBOOKS = ROOT / "docs" / "runbooks"
OF_THE_OPERATOR = {
    "ServiceDown",
    "ErrorBudgetBurning",
    "LatencyObjectiveMissed",
    "OutboxNotCaptured",
}
SERVICES = [yaml.safe_load(f.read_text()) for f in sorted((ROOT / "manifests/shop").glob("*.yaml"))]


def names() -> set[str]:
    """Return the names of all alerts that the shop on a cluster has."""
    declared = {a["name"] for body in SERVICES for a in body["spec"].get("alerts", ())}
    return {rule["alert"] for rule in alerts()} | declared | OF_THE_OPERATOR


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The rules as prometheus-operator gives them to Prometheus."""
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps({"groups": groups()}))  # JSON is YAML
    return path


def test_the_rules_are_right(promtool: Promtool, rules: Path) -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", rules)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_each_metric_is_one_that_the_code_emits(emitted: Emitted, rule: dict[str, Any]) -> None:
    found = uses(rule["expr"])
    assert found
    assert [fault for use in found for fault in emitted.faults(use.metric, use.labels)] == []


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_each_says_how_urgent_it_is_what_happens_and_where_to_look(rule: dict[str, Any]) -> None:
    assert rule["labels"] in ({"severity": "page"}, {"severity": "ticket"})
    assert rule["annotations"].keys() == {"summary", "dashboard"}
    assert f"{rule['annotations']['dashboard']}.json" in rendered()


def test_each_alert_has_a_page_that_says_what_to_do_and_no_page_is_left_over() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"} == names()
    index = (RUNBOOKS / "README.md").read_text()
    for name in names():
        text = (RUNBOOKS / f"{name}.md").read_text()
        assert text.startswith(f"# {name}\n")
        for heading in ("## What it means", "## Look at", "## Do"):
            assert heading in text, name
        assert f"({name}.md)" in index


def test_what_a_page_has_one_type_asks_for_what_there_is() -> None:
    text = "".join(page.read_text() for page in RUNBOOKS.glob("*.md"))
    services = {body["metadata"]["name"] for body in SERVICES}
    asked = set(re.findall(r"kubectl shop logs ([-\w]+(?: -n [-\w]+)?)", text))
    assert asked <= services | {"SERVICE", "shop-operator -n minishop-system"}
    disks = re.findall(r"postgres-0 -- df -h (\S+)`", text)
    postgres = (ROOT / "manifests/platform/postgres/postgres.yaml").read_text()
    assert disks
    assert all(f"{{name: data, mountPath: {disk}}}" in postgres for disk in disks)


def test_each_alert_is_tried() -> None:
    assert {rule["alert"] for rule in alerts()} == {case.alert for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}: {case.name}")
def test_alerts_fire_when_they_should_and_only_then(
    promtool: Promtool, rules: Path, case: Case
) -> None:
    file = rules.with_name("test.yaml")
    file.write_text(json.dumps({"rule_files": [rules.name], "tests": [case.promtool_test()]}))
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr
