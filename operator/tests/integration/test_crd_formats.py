"""What ends in a field with a format of its own is refused where it is declared, in plain words."""

from typing import Any

import pytest

from shop_operator.api.api_errors import ApiError

from .shop import Shop

SIDE = {"name": "side", "image": "side:1"}
SPREAD = {"whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 1}
ALERT = {"name": "Broken", "expr": "up == 0", "summary": "it is broken"}
POSTGRES = {"kind": "postgres", "name": "a"}


def _pods(**spec: Any) -> dict[str, Any]:
    return {"template": {"spec": spec}}


def _metadata(**fields: Any) -> dict[str, Any]:
    return {"template": {"metadata": fields}}


def _vault(**fields: Any) -> dict[str, Any]:
    return {"secrets": {"provider": "vault", **fields}}


def _file(path: str) -> dict[str, Any]:
    return {"secrets": {"files": [{"name": "a", "path": path}]}}


def _host(host: str) -> dict[str, Any]:
    return {"route": {"paths": ["/"], "host": host}}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"network": {"ingressFrom": ["not a label"]}}, "should match"),
    ({"network": {"egressTo": ["-order"]}}, "should match"),
    *(
        ({"resources": {"limits": {name: 1}}}, "a resource is cpu, memory, ephemeral-storage")
        for name in ("foo", "storage", "pods", "a b/c", "A/b", "requests.example.com/gpu")
    ),
    ({"resources": {"requests": {"cpu": 2}, "limits": {"cpu": "1500m"}}}, "no more than its limit"),
    ({"resources": {"requests": {"example.com/gpu": 1}}}, "whole number, as a limit"),
    ({"resources": {"limits": {"example.com/gpu": "1.5"}}}, "whole number, as a limit"),
    (
        {"resources": {"requests": {"a.b/gpu": 1}, "limits": {"a.b/gpu": 2}}},
        "whole number, as a limit",
    ),
    *(
        (_metadata(labels={key: "x"}), "the key of a label")
        for key in ("a b", "a/b/c", "A.com/b", "/a", "-a", "x" * 64, f"{'a' * 254}/b")
    ),
    (_metadata(labels={"a": "b c"}), "should match"),
    (_metadata(labels={"a": "-"}), "should match"),
    *(
        (_metadata(annotations={key: "x"}), "the key of an annotation")
        for key in ("a b", "/b", "x" * 64)
    ),
    (_pods(imagePullSecrets=[{"name": "a b"}]), "should match"),
    (_pods(nodeSelector={"a b": "c"}), "the key of a label"),
    (_pods(nodeSelector={"a": "b c"}), "should match"),
    (_pods(tolerations=[{"key": "a b", "operator": "Exists"}]), "should match"),
    (_pods(tolerations=[{"key": "a", "value": "b c"}]), "should match"),
    (_pods(tolerations=[{"key": "a", "operator": "Exists", "value": "b"}]), "compares no value"),
    (_pods(tolerations=[{}]), "the operator Exists"),
    (_pods(tolerations=[{"key": "a", "tolerationSeconds": 3}]), "the effect NoExecute"),
    (_pods(topologySpreadConstraints=[{"topologyKey": "a b", **SPREAD}]), "should match"),
    (_pods(priorityClassName="A b"), "should match"),
    (_pods(runtimeClassName="A_b"), "should match"),
    (_pods(volumes=[{"name": "A_b", "emptyDir": {}}]), "should match"),
    (_pods(volumes=[{"name": "a", "emptyDir": {}, "secret": {}}]), "a volume is one of"),
    *(
        (
            _pods(containers=[{**SIDE, "ports": [{"containerPort": 1, "name": name}]}]),
            "should match",
        )
        for name in ("A_b", "1234", "a--b", "-a", "a-", "")
    ),
    (_pods(containers=[{**SIDE, "image": " side"}]), "should match"),
    (_pods(containers=[SIDE], initContainers=[SIDE]), "a name of its own"),
    (_pods(containers=[{"name": "migrate"}]), "service is of containers, migrate of init"),
    (_pods(initContainers=[{"name": "service"}]), "service is of containers, migrate of init"),
    (_pods(initContainers=[{"name": "migrate"}]), "only with a database"),
    (
        {"database": {**POSTGRES, "migrate": False}, **_pods(initContainers=[{"name": "migrate"}])},
        "only with a database",
    ),
    (
        _pods(containers=[{**SIDE, "securityContext": {"runAsUser": 2**31}}]),
        "less than or equal to 2147483647",
    ),
    ({"database": POSTGRES, "events": {"outbox": {"table": "a" * 64}}}, "should match"),
    ({"events": {"subscribes": [{"topic": "a" * 120, "group": "b" * 61}]}}, "at most 180"),
    (_vault(role="a b"), "should match"),
    (_vault(files=[{"name": "a" * 42, "path": "x", "key": "k"}]), "at most 41"),
    (_vault(files=[{"name": "a", "path": 'x"', "key": "k"}]), "should match"),
    (_vault(files=[{"name": "a", "path": "x\ny", "key": "k"}]), "should match"),
    *((_file(path), "name of the Secret") for path in ("a..b/c", "a/..", "a/.", "a/..b", "a.-b/c")),
    (_host("10.0.0.1"), "not an address"),
    (_host("a" * 64 + ".example"), "should match"),
    ({"routeTable": {"mountPath": "/a:b"}}, "should match"),
    ({"metrics": {"interval": "99999999m"}}, "should match"),
    ({"alerts": [{**ALERT, "for": "9999999h"}]}, "should match"),
    ({"disruptionBudget": {"maxUnavailable": 2**31}}, "0 to 99999"),
]
GOOD: list[dict[str, Any]] = [
    {"network": {"ingressFrom": ["a", "A_b.c-1"], "egressTo": ["x" * 63]}},
    {
        "resources": {
            "requests": {"cpu": 1, "memory": "1Gi"},
            "limits": {"cpu": "1", "memory": "1Gi"},
        }
    },
    {"resources": {"requests": {"cpu": "1"}, "limits": {"hugepages-2Mi": "4Mi", "a.b/gpu": "2"}}},
    {"resources": {"requests": {"a.b/gpu": "1.0"}, "limits": {"a.b/gpu": 1}}},
    _metadata(
        labels={"a": "", "A_b.c-1": "A_b.c-1", f"{'a.' * 126}b/c": "x" * 63},
        annotations={"A.example.com/b": "any words", "a": ""},
    ),
    _pods(
        imagePullSecrets=[{"name": "a.b-c"}],
        nodeSelector={"kubernetes.io/os": "linux", "a": ""},
        tolerations=[
            {"operator": "Exists"},
            {"key": "example.com/a", "value": "b", "effect": "NoSchedule"},
            {"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 3},
        ],
        topologySpreadConstraints=[{"topologyKey": "topology.kubernetes.io/zone", **SPREAD}],
        priorityClassName="system-node-critical",
        runtimeClassName="gvisor.v1",
        containers=[
            {"name": "service", "env": []},
            {**SIDE, "ports": [{"containerPort": 1, "name": "a-1b-2"}, {"containerPort": 2}]},
        ],
    ),
    {"database": POSTGRES, **_pods(initContainers=[{"name": "migrate", "env": []}])},
    {"events": {"subscribes": [{"topic": "a" * 120, "group": "b" * 60}]}},
    _vault(role="a-b.c", files=[{"name": "a" * 41, "path": "secret/data/a b?version=2"}]),
    *(_file(path) for path in ("a.b-c/.d", "a/A_b..c")),
    _host("a" * 63 + ".example"),
    _host("10.example"),
    {"route": {"paths": ["/a"], "via": "gateway", "plugins": []}},
    {"metrics": {"interval": "300000ms"}},
    {"alerts": [{**ALERT, "for": "2592000s"}]},
]


async def test_what_no_child_could_hold_is_refused(shop: Shop) -> None:
    """In one test, as namespaces for each would take a minute."""
    for spec, words in BAD:
        with pytest.raises(ApiError, match=words) as refused:
            pytest.fail(f"{(await shop.declare('bad', **spec))['spec']} is accepted")
        assert refused.value.status in {400, 422}, spec


async def test_what_a_child_can_hold_is_accepted(shop: Shop) -> None:
    for number, spec in enumerate(GOOD):
        await shop.declare(f"good-{number}", **spec)
