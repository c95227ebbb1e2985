"""Which services the policy of a service lets in."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from shop_operator.children.network_policy import lets_in
from shop_operator.settings import Settings
from shop_operator.spec import parse

from .specs import service

MANIFESTS = Path(__file__).parents[3] / "manifests"
GATEWAY = {"via": "gateway", "paths": ["/a"]}
CASES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], bool]] = [
    ({}, {}, {}, False),
    ({"network": {"ingressFrom": ["caller"]}}, {}, {}, True),
    ({"network": {"ingressFrom": ["callee"]}}, {}, {}, False),
    ({"route": GATEWAY}, {}, {}, False),
    ({"route": GATEWAY}, {"routeTable": {}}, {}, True),
    (
        {"route": GATEWAY},
        {"template": {"metadata": {"labels": {"a": "b", "c": "d"}}}},
        {"gateway_pod_labels": {"a": "b"}},
        True,
    ),
    ({"route": {"paths": ["/a"]}}, {}, {"edge": "none"}, True),
    ({"route": {"paths": ["/a"]}}, {}, {"edge": "ingress"}, False),
    ({"route": {"paths": ["/a"]}}, {}, {"edge": "ingress", "edge_namespaces": ["shop"]}, True),
    ({}, {}, {"monitoring_namespace": "shop"}, True),
    ({"routeTable": {}}, {}, {"operator_namespace": "shop"}, False),
    ({"routeTable": {"statusPath": "/a"}}, {}, {"operator_namespace": "shop"}, True),
]


@pytest.mark.parametrize(("callee", "caller", "platform", "expected"), CASES)
def test_whom_a_policy_lets_in(
    callee: dict[str, Any], caller: dict[str, Any], platform: dict[str, Any], *, expected: bool
) -> None:
    one = parse(service("callee", {"image": "a:1", **callee}))
    other = parse(service("caller", {"image": "a:1", **caller}))
    assert lets_in(one, other, Settings.model_validate(platform)) is expected


def test_the_shop_s_services_let_in_whoever_means_to_call_them() -> None:
    texts = [path.read_text() for path in sorted(MANIFESTS.glob("*/*.yaml"))]
    bodies = [body for text in texts for body in yaml.safe_load_all(text) if body]
    shop = {b["metadata"]["name"]: parse(b) for b in bodies if b.get("kind") == "ShopService"}
    calls = [(peer, name) for name, each in shop.items() for peer in each.spec.network.egress_to]
    assert len(calls) > 8
    closed = [
        f"{caller} to {peer}"
        for peer, caller in calls
        if peer in shop and not lets_in(shop[peer], shop[caller], Settings())
    ]
    assert closed == []
