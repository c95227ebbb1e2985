"""The alert that the service's manifest declares asks for what the service counts."""

import re
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from prometheus_client import REGISTRY

from shop_payment import service

MANIFEST = Path(__file__).resolve().parents[4] / "manifests" / "shop" / "payment.yaml"


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
