"""Each rule of the schema: the API server rejects the bad and accepts the good."""

from typing import Any

import pytest

from shop_operator.api.api_errors import ApiError

from .shop import Shop

POSTGRES = {"kind": "postgres", "name": "a"}
ALERT = {"name": "Broken", "expr": "up == 0", "summary": "it is broken"}
TOPIC = {"topic": "a.events"}
URLS: dict[str, dict[str, Any]] = {
    "database_url": {"database": POSTGRES},
    "redis_url": {"cache": {"kind": "redis"}},
    "rabbitmq_url": {"queue": {"kind": "rabbitmq"}},
}
"""The files with stores' addresses, and what brings each."""
LUA = {"custom_fields_by_lua": {"a": "return 1"}}
SIDE = {"name": "side", "image": "side:1"}
APPARMOR = "container.apparmor.security.beta.kubernetes.io/service"


def _pods(**spec: Any) -> dict[str, Any]:
    """Return a spec whose template has this pod spec."""
    return {"template": {"spec": spec}}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"replicas": 2, "autoscaling": {"max": 2}}, "replicas or autoscaling"),
    ({"autoscaling": {"min": 3, "max": 2}}, "must not be greater"),
    ({"autoscaling": {"min": 0, "max": 2}}, "only consumers scale to zero"),
    ({"autoscaling": {"max": 2, "lag": {}}}, "needs events.subscribes"),
    (_pods(volumes=[{"name": "a", "hostPath": {"path": "/"}}]), "not declared|no other kind"),
    (_pods(volumes=[{"name": "a", "nfs": {"server": "a", "path": "/"}}]), "not declared"),
    (_pods(volumes=[{"name": "a"}]), "no other kind is admitted"),
    (_pods(volumes=[{"name": "tmp", "emptyDir": {}}]), "choose another name"),
    (_pods(containers=[{"name": "service", "image": "a:1"}]), "follow from the rest"),
    (_pods(initContainers=[{"name": "migrate", "command": ["a"]}]), "follow from the rest"),
    (_pods(containers=[{"name": "side"}]), "a sidecar needs an image"),
    (_pods(containers=[{**SIDE, "securityContext": {"privileged": True}}]), "Unsupported"),
    (_pods(containers=[{**SIDE, "securityContext": {"capabilities": {"add": ["A"]}}}]), "at most"),
    (_pods(containers=[{**SIDE, "securityContext": {"runAsUser": 0}}]), "greater than or equal"),
    (
        _pods(containers=[{**SIDE, "ports": [{"containerPort": 1, "hostPort": 1}]}]),
        "less than or equal to 0",
    ),
    (_pods(hostNetwork=True), "not declared"),
    (_pods(securityContext={}), "not declared"),
    (_pods(serviceAccountName="other"), "not declared"),
    ({"template": {"metadata": {"labels": {"app.kubernetes.io/name": "a"}}}}, "are set for"),
    ({"template": {"metadata": {"annotations": {APPARMOR: "unconfined"}}}}, "are refused"),
    ({"events": {"outbox": {}}}, "needs a database"),
    (
        {"database": {"kind": "mongodb", "name": "a"}, "events": {"outbox": {"table": "a.b"}}},
        "without a dot",
    ),
    ({"database": {"kind": "mysql", "name": "a"}}, "Unsupported value"),
    ({"database": {"kind": "postgres", "name": "A-b"}}, "should match"),
    ({"events": {"publishes": [TOPIC, TOPIC]}}, "duplicate entries"),
    ({"events": {"publishes": [{**TOPIC, "partitions": 0}]}}, "greater than or equal to 1"),
    ({"events": {"publishes": [{"topic": "UPPER"}]}}, "should match"),
    *(
        ({"events": {"publishes": [{"topic": topic}]}}, "Kafka Connect keeps its own")
        for topic in ("connect-offsets", "minishop-connect-status", "connect-cluster-configs")
    ),
    ({"route": {"paths": ["v1"]}}, "starts with /"),
    *(
        ({"route": {"paths": ["/v1/a", path]}}, "no segments . and ..")
        for path in ("/v1/../a", "/./a", "/a/..", "/.")
    ),
    *(
        ({"route": {"paths": ["/a", path]}}, "without wildcards and percent-encoding")
        for path in ("/v1/*", "/v1/{id}", "/ä", "/%C3%A4", "/a|b", '/"')
    ),
    ({"route": {"paths": []}}, "at least 1 items"),
    (
        {"route": {"paths": ["/"], "via": "gateway", "plugins": [{"name": "x"}]}},
        "plugins run at the edge",
    ),
    (
        {"route": {"paths": ["/"], "via": "gateway", "host": "a.example"}},
        "at its own host; with via gateway leave host out",
    ),
    *(
        ({"route": {"paths": ["/"], "plugins": [{"name": name}]}}, "runs code in Kong")
        for name in ("pre-function", "post-function", "exit-transformer", "request-callout")
    ),
    (
        {"route": {"paths": ["/"], "plugins": [{"name": "http-log", "config": LUA}]}},
        "must have at most 0",
    ),
    *(
        ({"routeTable": {"mountPath": path}}, "a directory of its own")
        for path in (
            "/",
            "/tmp",
            "//tmp/",
            "/vault",
            "/vault/secrets",
            "/vault//secrets/a",
            "/a/..",
        )
    ),
    ({"secrets": {"files": [{"name": "a", "path": "a/b", "key": "k"}]}}, "last part of the path"),
    ({"secrets": {"files": [{"name": "a", "path": "a/b", "template": "t"}]}}, "leave it out"),
    ({"secrets": {"files": [{"name": "a", "path": "nokey"}]}}, "name of the Secret"),
    *(
        ({**store, "secrets": {"files": [{"name": name, "path": "a/b"}]}}, "choose another name")
        for name, store in URLS.items()
    ),
    ({"port": 0}, "greater than or equal to 1"),
    ({"port": 65536}, "less than or equal to 65535"),
    ({"replicas": -1}, "greater than or equal to 0"),
    ({"env": [{"name": "1A"}]}, "should match"),
    ({"env": [{"name": "A"}, {"name": "A"}]}, "duplicate entries"),
    ({"resources": {"requests": {"cpu": "many"}}}, "should match"),
    ({"resources": {"limits": {"cpu": -1}}}, "not negative"),
    *(
        ({"resources": {"limits": {"memory": amount}}}, "less than 1000E")
        for amount in ("1000E", "1e21", "1000000000000000000000", "1e99")
    ),
    ({"resources": {"limits": {"memory": "1e999999999"}}}, "should match"),
    ({"probes": {"liveness": "livez"}}, "should match"),
    ({"slo": {"availability": "100"}}, "should match"),
    ({"alerts": [{**ALERT, "name": "not-camel"}]}, "should match"),
    ({"alerts": [{**ALERT, "for": "a while"}]}, "should match"),
    ({"alerts": [{**ALERT, "severity": "shout"}]}, "Unsupported value"),
    ({"alerts": [ALERT, ALERT]}, "duplicate entries"),
    ({"alerts": [{"name": "Broken", "expr": "up == 0"}]}, "Required value"),
    ({"disruptionBudget": {"maxUnavailable": "half"}}, "should match"),
    ({"disruptionBudget": {"maxUnavailable": "101%"}}, "should match"),
    ({"disruptionBudget": {"maxUnavailable": -1}}, "0 to 99999"),
    ({"metrics": {"interval": "15"}}, "should match"),
    *(
        ({"network": {"egressCidrs": [cidr]}}, "an address range is written as")
        for cidr in ("anywhere", "10.0.0.0", "999.1.1.1/8", "10.0.0.0/33", "::/129")
    ),
    ({"managementPolicy": "Ignore"}, "Unsupported value"),
    ({"image": ""}, "at least 1 chars"),
    ({"nonsense": 1}, "not declared in schema"),
]
GOOD: list[dict[str, Any]] = [
    {"autoscaling": {"min": 2, "max": 2}},
    {"database": POSTGRES, "events": {"outbox": {"table": "public.outbox"}}},
    {"database": {"kind": "mongodb", "name": "a"}, "events": {"outbox": {"table": "outbox"}}},
    {"events": {"publishes": [TOPIC, {"topic": "b.events"}]}},
    {"events": {"subscribes": [{**TOPIC, "group": "a"}, {**TOPIC, "group": "b"}]}},
    {"secrets": {"provider": "vault", "files": [{"name": "a", "path": "x", "key": "k"}]}},
    {
        "secrets": {
            "provider": "vault",
            "role": "a",
            "files": [{"name": "a", "path": "x", "template": "t"}],
        }
    },
    {"alerts": [ALERT, {**ALERT, "name": "Worse", "for": "10m", "severity": "page"}]},
    {"disruptionBudget": {"maxUnavailable": "100%"}},
    {"disruptionBudget": {"maxUnavailable": "2"}},
    {"disruptionBudget": {"maxUnavailable": 0}},
    {"network": {"egressCidrs": ["0.0.0.0/0", "203.0.113.7/32", "2001:db8::/32"]}},
    *({"secrets": {"files": [{"name": name, "path": "a/b"}]}} for name in URLS),
    *(
        {**store, "secrets": {"provider": "vault", "files": [{"name": name, "path": "a"}]}}
        for name, store in URLS.items()
    ),
    {
        "autoscaling": {"min": 0, "max": 2, "lag": {}},
        "events": {"subscribes": [{**TOPIC, "group": "a"}]},
    },
    _pods(
        containers=[{"name": "service", "envFrom": []}, SIDE],
        initContainers=[{**SIDE, "name": "proxy", "restartPolicy": "Always"}],
        volumes=[{"name": "a", "persistentVolumeClaim": {"claimName": "a"}}],
        affinity={"podAntiAffinity": {}},
        tolerations=[{"operator": "Exists"}],
    ),
    {"resources": {"requests": {"cpu": 1, "memory": "1.5Gi"}}},
    {"resources": {"requests": {"cpu": "+.5", "memory": "999E", "ephemeral-storage": "1."}}},
    {"resources": {"limits": {"cpu": "1e-9"}}},
    {"route": {"paths": ["/"], "plugins": [{"name": "http-log", "config": {"queue": {"a": 1}}}]}},
    {"route": {"paths": ["/.well-known/a_b~c", "/a!$&()+,;=:@b"]}},
    *({"routeTable": {"mountPath": path}} for path in ("/tmp/routes", "/vault/routes", "/a..b")),
]
# before, after, words of the error; None where the change is allowed
CHANGES: list[tuple[dict[str, Any], dict[str, Any], str | None]] = [
    ({"database": POSTGRES}, {"database": {**POSTGRES, "kind": "mongodb"}}, "kind is immutable"),
    ({"database": POSTGRES}, {"database": {**POSTGRES, "name": "b"}}, "name is immutable"),
    ({"database": POSTGRES}, {"database": {**POSTGRES, "onDelete": "Drop"}}, None),
    (
        {"events": {"publishes": [{**TOPIC, "partitions": 3}]}},
        {"events": {"publishes": [{**TOPIC, "partitions": 2}]}},
        "never taken away",
    ),
    (
        {"events": {"publishes": [{**TOPIC, "partitions": 3}]}},
        {"events": {"publishes": [{"topic": "b.events"}, {**TOPIC, "partitions": 4}]}},
        None,
    ),
]


@pytest.mark.parametrize(("spec", "words"), BAD, ids=lambda value: str(value)[:40])
async def test_bad_specs_are_rejected(shop: Shop, spec: dict[str, Any], words: str) -> None:
    with pytest.raises(ApiError, match=words) as refused:
        await shop.declare("bad", **spec)
    assert refused.value.status in {400, 422, 500}  # 500: a patch that has no type


@pytest.mark.parametrize("spec", GOOD, ids=lambda value: str(value)[:40])
async def test_good_specs_are_accepted(shop: Shop, spec: dict[str, Any]) -> None:
    await shop.declare("good", **spec)


@pytest.mark.parametrize(("before", "after", "words"), CHANGES)
async def test_changes(
    shop: Shop, before: dict[str, Any], after: dict[str, Any], words: str | None
) -> None:
    await shop.declare("changing", **before)
    if words is None:
        await shop.declare("changing", **after)
        return
    with pytest.raises(ApiError, match=words):
        await shop.declare("changing", **after)


@pytest.mark.parametrize("name", ["a.b", "1a", "a" * 49])
async def test_names_that_no_service_may_have(shop: Shop, name: str) -> None:
    with pytest.raises(ApiError, match="becomes the name of a Service"):
        await shop.declare(name)


async def test_two_hands_merge_their_topics(shop: Shop) -> None:
    """Server-side apply by two managers keeps the items of both."""
    body = await shop.declare("merged", events={"publishes": [TOPIC]})
    other = {
        "apiVersion": body["apiVersion"],
        "kind": body["kind"],
        "metadata": {"name": "merged", "namespace": shop.namespace},
        "spec": {"events": {"publishes": [{"topic": "b.events"}]}},
    }
    merged = await shop.client.apply(other, manager="another")
    topics = [topic["topic"] for topic in merged["spec"]["events"]["publishes"]]
    assert topics == ["a.events", "b.events"]
