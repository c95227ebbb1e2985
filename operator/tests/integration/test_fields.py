"""Fields that other managers set: put right, left alone or reported, by the API's own schema."""

import asyncio
import copy
import time
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop_cluster.control_plane import ControlPlane
from shop_operator.api import connection
from shop_operator.api.api_client import ApiClient
from shop_operator.api.kinds import DEPLOYMENT, EVENT, SHOP_SERVICE, Kind, kind_of
from shop_operator.api.schemas import Schemas
from shop_operator.apply.diff import differences
from shop_operator.apply.quantity import amount_of
from shop_operator.metadata import Manifest

from .conftest import Shop, eventually
from .harm import SPEC, children
from .proxy import proxy, status

SERVICE = Kind("v1", "Service", "services")
NETWORK_POLICY = Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
BUDGET = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
AUTOSCALER = Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
TOPIC = Kind("kafka.strimzi.io/v1", "KafkaTopic", "kafkatopics")
PLUGIN = Kind("configuration.konghq.com/v1", "KongPlugin", "kongplugins")
QUANTITIES = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "+"]),
        st.one_of(
            st.integers(0, 10**6).map(str),
            st.from_regex(r"[0-9]{1,4}\.[0-9]{0,9}", fullmatch=True),
            st.from_regex(r"\.[0-9]{1,9}", fullmatch=True),
        ),
        st.one_of(
            st.sampled_from(["", *"numkMGTPE", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]),
            st.from_regex(r"[eE][+-]?[0-9]", fullmatch=True),
        ),
    ),
)
CANARY = {"version": "canary"}
ELSEWHERE = {"namespaceSelector": {"matchLabels": {"a": "b"}}}


def _merge(plane: ControlPlane, namespace: str, what: str, patch: str, way: str = "merge") -> None:
    """Change an object as a person does."""
    plane.kubectl("patch", what, "-n", namespace, f"--type={way}", "-p", patch)


async def _settled(shop: Shop, name: str, **spec: Any) -> dict[tuple[str, str], Manifest]:
    await shop.start()
    await shop.declare(name, **spec)
    return {(c["kind"], c["metadata"]["name"]): c for c in await children(shop, name)}


async def _restored(shop: Shop, child: Manifest) -> None:
    metadata = child["metadata"]

    async def spec() -> tuple[Any, ...]:
        live = await shop.client.get(kind_of(child), metadata["namespace"], metadata["name"])
        return tuple(live.get(part) for part in ("spec", "config", "rules", "subjects"))

    wanted = tuple(child.get(part) for part in ("spec", "config", "rules", "subjects"))

    async def reached() -> bool:
        return await spec() == wanted

    await eventually(reached, seconds=30, why=lambda: f"{child['kind']} is not as it was")


WHOLE = [
    ("service/whole", '{"spec":{"selector":{"version":"canary"}}}'),
    ("pdb/whole", '{"spec":{"selector":{"matchLabels":{"version":"canary"}}}}'),
    (
        "pdb/whole",
        '{"spec":{"selector":{"matchExpressions":[{"key":"a","operator":"Exists"}]}}}',
    ),
    ("networkpolicy/whole", '{"spec":{"podSelector":{"matchLabels":{"version":"canary"}}}}'),
    ("servicemonitor/whole", '{"spec":{"selector":{"matchLabels":{"version":"canary"}}}}'),
]


@pytest.mark.parametrize(("what", "patch"), WHOLE)
async def test_a_map_with_one_owner_is_compared_whole(
    shop: Shop, plane: ControlPlane, what: str, patch: str
) -> None:
    found = await _settled(shop, "whole")
    await asyncio.to_thread(_merge, plane, shop.namespace, what, patch)
    word = what.partition("/")[0].replace("pdb", "poddisruptionbudget")
    [child] = [c for (kind, name), c in found.items() if (kind.lower(), name) == (word, "whole")]
    await _restored(shop, child)
    await shop.settled("whole")


ADDED_INSIDE = [
    (NETWORK_POLICY, "/spec/ingress/0/from/0/podSelector", {"matchLabels": CANARY}),
    (NETWORK_POLICY, "/spec/ingress/-", {"from": [ELSEWHERE]}),
    (NETWORK_POLICY, "/spec/egress/0/to", [ELSEWHERE]),
    (
        AUTOSCALER,
        "/spec/metrics/-",
        {"type": "Resource", "resource": {
            "name": "memory", "target": {"type": "Utilization", "averageUtilization": 5}}},
    ),
    (
        DEPLOYMENT,
        "/spec/template/spec/volumes/1/projected/sources/0/secret/optional",
        True,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "path", "value"), ADDED_INSIDE)
async def test_what_is_added_inside_a_list_with_one_owner_goes(
    shop: Shop, kind: Kind, path: str, value: object
) -> None:
    spec = {"cache": {"kind": "redis"}, "autoscaling": {"min": 1, "max": 3}}
    found = await _settled(shop, "inside", **spec)
    await shop.client.patch(
        kind, shop.namespace, "inside", [{"op": "add", "path": path, "value": value}]
    )
    await _restored(shop, found[kind.kind, "inside"])
    await shop.settled("inside")


@pytest.mark.parametrize("name", ["mesh", "http"])
async def test_a_second_port_of_another_manager_stays(shop: Shop, name: str) -> None:
    found = await _settled(shop, "ported")
    port = {"name": "mesh", "port": 9901, "protocol": "TCP", "targetPort": 9901}
    mesh = {"metadata": {"name": "ported", "namespace": shop.namespace}, "spec": {"ports": [port]}}
    await shop.client.apply({"apiVersion": "v1", "kind": "Service", **mesh}, manager=name)
    before = await shop.client.get(SERVICE, shop.namespace, "ported")
    assert len(before["spec"]["ports"]) == 2
    await shop.declare("ported", env=[{"name": "A", "value": "1"}])
    await shop.declare("marker")  # once this one is made, the other had its turn
    await shop.settled("marker")
    await shop.reason("ported", "Synced", "AsDeclared")
    live = await shop.client.get(SERVICE, shop.namespace, "ported")
    assert live["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    await shop.declare("ported", port=8080)  # and both ways of writing it go on

    async def moved() -> bool:
        service = await shop.client.get(SERVICE, shop.namespace, "ported")
        return sorted(p["port"] for p in service["spec"]["ports"]) == [8080, 9901]

    await eventually(moved)
    assert found


async def test_two_ways_to_say_the_same_that_exclude_each_other(
    shop: Shop, plane: ControlPlane
) -> None:
    found = await _settled(shop, "budget")
    patch = '{"spec":{"minAvailable":1,"maxUnavailable":null}}'
    await asyncio.to_thread(_merge, plane, shop.namespace, "pdb/budget", patch)
    await _restored(shop, found["PodDisruptionBudget", "budget"])


async def test_odd_quantities_are_as_declared(shop: Shop) -> None:
    resources = {
        "requests": {"cpu": "2.5m", "memory": "1e7", "ephemeral-storage": "0.5Gi"},
        "limits": {"memory": "0.25Gi", "cpu": "1.50"},
    }
    template = {
        "spec": {"volumes": [{"name": "odd", "emptyDir": {"sizeLimit": "1500.5Mi"}}]},
    }
    await shop.start()
    await shop.declare("odd", resources=resources, template=template)
    await shop.settled("odd")


DECIDED: list[tuple[str, str, str, Callable[[Manifest], object]]] = [
    (
        "deployment/decided",
        '{"spec":{"template":{"spec":{"containers":[{"name":"service","command":["sleep"]}]}}}}',
        "strategic",
        lambda live: _container(live).get("command"),
    ),
    (
        "deployment/decided",
        (
            '{"spec":{"template":{"spec":{"containers":[{"name":"service",'
            '"env":[{"name":"FOREIGN","value":"1"}]}]}}}}'
        ),
        "strategic",
        lambda live: [e for e in _container(live)["env"] if e["name"] == "FOREIGN"] or None,
    ),
    (
        "deployment/decided",
        (
            '{"spec":{"template":{"spec":{"containers":[{"name":"service",'
            '"resources":{"limits":{"cpu":"7"}}}]}}}}'
        ),
        "strategic",
        lambda live: _container(live)["resources"]["limits"].get("cpu"),
    ),
    (
        "kongplugin/decided-rate-limiting",
        '{"config":{"hour":1}}',
        "merge",
        lambda live: live["config"].get("hour"),
    ),
]


def _container(live: Manifest) -> dict[str, Any]:
    containers = live["spec"]["template"]["spec"]["containers"]
    return next(dict(c) for c in containers if c["name"] == "service")


@pytest.mark.parametrize(("what", "patch", "way", "foreign"), DECIDED)
async def test_what_the_spec_decides_is_put_right(  # noqa: PLR0913, PLR0917 - a table
    shop: Shop,
    plane: ControlPlane,
    what: str,
    patch: str,
    way: str,
    foreign: Callable[[Manifest], object],
) -> None:
    found = await _settled(shop, "decided", route=SPEC["route"])
    await asyncio.to_thread(_merge, plane, shop.namespace, what, patch, way)
    kind = DEPLOYMENT if what.startswith("deployment") else PLUGIN
    name = what.partition("/")[2]

    async def gone() -> bool:
        return foreign(await shop.client.get(kind, shop.namespace, name)) is None

    await eventually(gone)

    async def told() -> bool:
        body = await shop.client.get(SHOP_SERVICE, shop.namespace, "decided")
        return bool(body["status"].get("lastDrift", {}).get("kind") == kind.kind)

    await eventually(told)
    await shop.settled("decided")
    events = await shop.client.list(EVENT, shop.namespace)
    notes = [e["note"] for e in events["items"] if e["reason"] == "DriftCorrected"]
    assert any("kubectl-patch" in note for note in notes), notes
    assert found


async def test_a_topic_has_the_declared_settings_only(shop: Shop, plane: ControlPlane) -> None:
    topic = {"topic": "set.events", "config": {"cleanup.policy": "delete"}}
    await _settled(shop, "set", events={"publishes": [topic]})
    place, what = shop.platform.kafka_namespace, "kafkatopic/set.events"
    await asyncio.to_thread(
        _merge, plane, place, what, '{"spec":{"config":{"retention.ms":"1000"}}}'
    )

    async def gone() -> bool:
        live = await shop.client.get(TOPIC, place, "set.events")
        return bool(live["spec"]["config"] == {"cleanup.policy": "delete"})

    await eventually(gone)


REPORTED = [
    (
        "deployment/told",
        '{"spec":{"template":{"spec":{"nodeSelector":{"disk":"ssd"}}}}}',
        "spec.template.spec.nodeSelector",
    ),
    ("deployment/told", '{"spec":{"paused":true}}', "spec.paused"),
    ("deployment/told", '{"spec":{"minReadySeconds":30}}', "spec.minReadySeconds"),
    ("service/told", '{"spec":{"externalIPs":["192.0.2.1"]}}', "spec.externalIPs"),
    ("hpa/told", '{"spec":{"behavior":{"scaleUp":{"selectPolicy":"Disabled"}}}}', "spec.behavior"),
]


@pytest.mark.parametrize(("what", "patch", "field"), REPORTED)
async def test_what_the_spec_does_not_speak_of_is_reported(
    shop: Shop, plane: ControlPlane, what: str, patch: str, field: str
) -> None:
    await _settled(shop, "told", autoscaling={"max": 3})
    await asyncio.to_thread(_merge, plane, shop.namespace, what, patch)
    message = await shop.reason("told", "Synced", "ForeignFields")
    assert field in message
    assert "kubectl-patch" in message
    assert (await shop.condition("told", "Synced"))["status"] == "False"
    name = field.rpartition(".")[2]
    prefix = field.rpartition(".")[0].split(".")
    undo: dict[str, Any] = {name: None}
    for part in reversed(prefix):
        undo = {part: undo}
    kind = {"deployment": DEPLOYMENT, "service": SERVICE, "hpa": AUTOSCALER}[
        what.split("/", maxsplit=1)[0]
    ]
    await shop.client.merge(kind, shop.namespace, "told", undo)
    await shop.settled("told")


async def test_labels_annotations_sidecars_and_restarts_are_left_alone(
    shop: Shop, plane: ControlPlane
) -> None:
    await _settled(shop, "left")
    sidecar = '{"spec":{"template":{"spec":{"containers":[{"name":"proxy","image":"p:1"}]}}}}'
    await asyncio.to_thread(_merge, plane, shop.namespace, "deployment/left", sidecar, "strategic")
    plane.kubectl("rollout", "restart", "deployment/left", "-n", shop.namespace)
    plane.kubectl("annotate", "service/left", "-n", shop.namespace, "team=a")
    plane.kubectl("label", "networkpolicy/left", "-n", shop.namespace, "team=a")
    before = await shop.client.get(DEPLOYMENT, shop.namespace, "left")
    await shop.declare("marker")
    await shop.settled("marker")
    await shop.reason("left", "Synced", "AsDeclared")
    live = await shop.client.get(DEPLOYMENT, shop.namespace, "left")
    assert live["metadata"]["generation"] == before["metadata"]["generation"]
    containers = live["spec"]["template"]["spec"]["containers"]
    assert {container["name"] for container in containers} == {"service", "proxy"}


async def test_without_the_schemas_it_works_by_rule(shop: Shop, plane: ControlPlane) -> None:
    async with proxy() as between:

        async def closed(request: web.Request) -> web.StreamResponse | None:
            return status(403, "forbidden") if request.path.startswith("/openapi") else None

        between.fault = closed
        async with ApiClient(between.login) as client:
            await shop.start(client)
            await shop.declare("ruled", **SPEC, resources={"requests": {"cpu": "2.5m"}})
            await shop.settled("ruled")
            _merge(plane, shop.namespace, "service/ruled", WHOLE[0][1])
            port = {"name": "mesh", "port": 9901, "protocol": "TCP", "targetPort": 9901}
            metadata = {"name": "ruled", "namespace": shop.namespace}
            mesh = {"metadata": metadata, "spec": {"ports": [port]}}
            await shop.client.apply({"apiVersion": "v1", "kind": "Service", **mesh}, manager="mesh")

            async def right() -> bool:
                live = await shop.client.get(SERVICE, shop.namespace, "ruled")
                is_right = live["spec"]["selector"] == {"app.kubernetes.io/name": "ruled"}
                return is_right and len(live["spec"]["ports"]) == 2

            await eventually(right)
            await shop.settled("ruled")
            await shop.stop()


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cpu=QUANTITIES, memory=QUANTITIES, size=QUANTITIES)
def test_every_spelling_of_a_quantity_is_as_declared(
    shop: Shop, cpu: str, memory: str, size: str
) -> None:
    async def check() -> None:
        async with ApiClient(connection.login) as client:
            schemas = Schemas(client, seconds=60)
            await schemas.read()
            pod = {
                "containers": [
                    {
                        "name": "service",
                        "image": "a:1",
                        "resources": {"requests": {"cpu": cpu, "memory": memory}},
                    }
                ],
                "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": size}}],
            }
            labels = {"app": "odd"}
            desired: Manifest = {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "odd", "namespace": shop.namespace},
                "spec": {
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": pod},
                },
            }
            made = await client.apply(desired, dry_run=True)
            assert differences(desired, made, schemas.of(DEPLOYMENT)) == []
            assert differences(desired, made) == []  # by rule, too
            other = copy.deepcopy(desired)
            pod = other["spec"]["template"]["spec"]
            pod["containers"][0]["resources"]["requests"]["cpu"] = f"1{cpu.lstrip('+')}"
            is_same = amount_of(f"1{cpu.lstrip('+')}") == amount_of(cpu)
            assert (differences(other, made, schemas.of(DEPLOYMENT)) == []) == is_same

    asyncio.run(check())


async def test_a_fight_over_a_field_is_damped_and_named(shop: Shop) -> None:
    await _settled(shop, "fought")
    rival = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "fought", "namespace": shop.namespace},
        "spec": {"replicas": 5},
    }
    rounds, end = 0, time.monotonic() + 10
    while time.monotonic() < end:
        live = await shop.client.get(DEPLOYMENT, shop.namespace, "fought")
        if live["spec"]["replicas"] != 5:
            await shop.client.apply(rival, manager="rival-controller")
            rounds += 1
        await asyncio.sleep(0.05)
    assert 3 <= rounds <= 7
    message = await shop.reason("fought", "Synced", "Contested")
    assert "rival-controller" in message
    assert "spec.replicas" in message
    events = await shop.client.list(EVENT, shop.namespace)
    told = [e for e in events["items"] if e["reason"] == "DriftCorrected"]
    assert len(told) == 1
    assert told[0]["series"]["count"] == rounds - 1 or told[0]["series"]["count"] == rounds
    assert "rival-controller" in told[0]["note"]
    # A new spec does not wait, and neither do other fields.
    await shop.declare("fought", replicas=2, port=9000)

    async def followed() -> bool:
        live = await shop.client.get(DEPLOYMENT, shop.namespace, "fought")
        ports = _container(live)["ports"]
        return bool(live["spec"]["replicas"] == 2 and ports[0]["containerPort"] == 9000)

    await eventually(followed, seconds=2)


async def test_a_child_that_is_deleted_again_and_again(shop: Shop) -> None:
    await _settled(shop, "fought")
    rounds, end = 0, time.monotonic() + 8
    while time.monotonic() < end:
        live = await shop.get(BUDGET, "fought")
        if live is not None:
            uid = live["metadata"]["uid"]
            await shop.client.delete(BUDGET, shop.namespace, "fought", uid=uid)
            rounds += 1
        await asyncio.sleep(0.05)
    assert 3 <= rounds <= 7
    message = await shop.reason("fought", "Synced", "Contested")
    assert "PodDisruptionBudget fought: it is deleted again and again" in message
