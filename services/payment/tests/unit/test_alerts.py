"""The alert that the service's manifest declares asks for what the service counts."""

import re
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from prometheus_client import REGISTRY

from shop_payment import service

ROOT = Path(__file__).resolve().parents[4]
MANIFEST = ROOT / "manifests" / "shop" / "payment.yaml"


@pytest.mark.parametrize(
    "kind",
    [
        "amount_mismatch",
        "charge_refused",
        "refund_refused",
        "not_authorised",
        "unreadable",
        "unanswered",
        "dispute",
        "double_capture",
        "unbooked_refund",
    ],
)
def test_each_kind_is_counted_from_zero_on(kind: str) -> None:
    [alert] = yaml.safe_load(MANIFEST.read_text())["spec"]["alerts"]
    [metric] = set(re.findall(r"\w+_total", alert["expr"]))
    before = REGISTRY.get_sample_value(metric, {"kind": kind})
    assert before is not None
    service.alert(uuid4(), kind, "as a test wants it")
    assert REGISTRY.get_sample_value(metric, {"kind": kind}) == before + 1


def test_the_runbook_says_what_to_do_for_each_kind() -> None:
    page = (ROOT / "docs" / "runbooks" / "PaymentNeedsAPerson.md").read_text()
    [alerts] = [family for family in REGISTRY.collect() if family.name == "payment_alerts"]
    kinds = {sample.labels["kind"] for sample in alerts.samples}
    assert [each for each in kinds if f"`{each}`" not in page and "_refused" not in each] == []
