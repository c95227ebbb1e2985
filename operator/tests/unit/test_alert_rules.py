"""Which alerts a service has, and that no two rules of the shop are duplicates."""

from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given

from shop_operator.children.prometheus_rule import prometheus_rules
from shop_operator.metadata import Manifest
from shop_operator.settings import Settings
from shop_operator.spec import parse

from .specs import NAMES, service, specs

ROOT = Path(__file__).parents[3]
OUTBOX = {"database": {"kind": "postgres", "name": "a"}, "events": {"outbox": {}}}


def rules(*bodies: dict[str, Any]) -> list[Manifest]:
    """Return all alerting rules of these ShopServices."""
    found = [rule for body in bodies for rule in prometheus_rules(parse(body), Settings())]
    return [rule for each in found for group in each["spec"]["groups"] for rule in group["rules"]]


def duplicates(found: list[Manifest]) -> list[str]:
    """Return the rules with a name and labels that another has, as `promtool check rules` does."""
    seen = Counter((rule["alert"], *sorted(rule["labels"].items())) for rule in found)
    return [str(key) for key, times in seen.items() if times > 1]


def alerts(spec: dict[str, Any]) -> set[str]:
    return {rule["alert"] for rule in rules(service("a", {"image": "a:1", **spec}))}


def test_an_outbox_alone_brings_its_alert_and_every_service_one_for_being_down() -> None:
    assert alerts(OUTBOX) == {"OutboxNotCaptured", "ServiceDown"}
    assert alerts({}) == {"ServiceDown"}


def test_a_service_that_may_have_no_pods_is_not_called_down() -> None:
    assert alerts({"replicas": 0}) == set()
    assert alerts({"autoscaling": {"min": 0, "max": 3}}) == set()
    assert alerts({"replicas": 2}) == {"ServiceDown"}


def test_the_rules_of_the_whole_shop_have_no_duplicates() -> None:
    files = [*(ROOT / "manifests" / "shop").glob("*.yaml")]
    files += (ROOT / "operator" / "tests" / "fixtures").glob("*/shopservice.yaml")
    bodies = [yaml.safe_load(path.read_text()) for path in files]
    staging = [{**b, "metadata": {**b["metadata"], "namespace": "staging"}} for b in bodies]
    found = rules(*bodies, *staging)
    assert len(found) > 50
    assert duplicates(found) == []


def test_the_check_for_duplicates_finds_one() -> None:
    found = rules(service("a", {"image": "a:1"}))
    assert duplicates([*found, *found]) == [
        str(("ServiceDown", *sorted(found[0]["labels"].items())))
    ]


@given(name=NAMES, spec=specs())
def test_no_spec_has_duplicates(name: str, spec: dict[str, Any]) -> None:
    generated = {"name": "ServiceDown", "expr": "up == 0", "summary": "a", "severity": "page"}
    named = {"name": "ErrorBudgetBurning", "expr": "up == 0", "summary": "a", "severity": "page"}
    alerts = [alert for alert in spec.get("alerts", []) if alert["name"] != "ServiceDown"]
    for own in ([generated, named], alerts):
        assert duplicates(rules(service(name, {**spec, "alerts": own}))) == []


def test_an_alert_of_the_spec_takes_the_place_of_one_of_the_same_name() -> None:
    own = {"name": "ServiceDown", "expr": "vector(1)", "summary": "mine", "severity": "ticket"}
    [rule] = rules(service("a", {"image": "a:1", "alerts": [own]}))
    assert rule["expr"] == "vector(1)"


def test_a_wrong_expression_takes_no_alert_of_the_operators_away() -> None:
    """The Prometheus operator leaves out a PrometheusRule whole if one expression is wrong."""
    wrong = {"name": "Wrong", "expr": "up ==", "summary": "a"}
    body = service("a", {"image": "a:1", "alerts": [wrong]})
    named = {
        rule["metadata"]["name"]: [r["alert"] for g in rule["spec"]["groups"] for r in g["rules"]]
        for rule in prometheus_rules(parse(body), Settings())
    }
    assert named == {"a": ["ServiceDown"], "a.alerts": ["Wrong"]}
