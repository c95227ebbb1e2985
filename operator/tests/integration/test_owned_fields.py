"""Fields of others that contradict the spec: put right, by the API's own schema or by rule."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from aiohttp import web

from shop_cluster.control_plane import ControlPlane
from shop_operator.api.api_client import ApiClient
from shop_operator.api.kinds import DEPLOYMENT, SHOP_SERVICE, Kind
from shop_operator.metadata import Manifest

from .harm import SERVICE, SPEC, changed_by_a_person, container, declared_children, restored
from .outside import has_event
from .proxy import proxy, status
from .shop import Shop, eventually

NETWORK_POLICY = Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")


AUTOSCALER = Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")


TOPIC = Kind("kafka.strimzi.io/v1", "KafkaTopic", "kafkatopics")


PLUGIN = Kind("configuration.konghq.com/v1", "KongPlugin", "kongplugins")


CANARY = {"version": "canary"}


ELSEWHERE = {"namespaceSelector": {"matchLabels": {"a": "b"}}}


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
    found = await declared_children(shop, "whole")
    await asyncio.to_thread(changed_by_a_person, plane, shop.namespace, what, patch)
    word = what.partition("/")[0].replace("pdb", "poddisruptionbudget")
    [child] = [c for (kind, name), c in found.items() if (kind.lower(), name) == (word, "whole")]
    await restored(shop, child)
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
    found = await declared_children(shop, "inside", **spec)
    await shop.client.patch(
        kind, shop.namespace, "inside", [{"op": "add", "path": path, "value": value}]
    )
    await restored(shop, found[kind.kind, "inside"])
    await shop.settled("inside")


async def test_two_ways_to_say_the_same_that_exclude_each_other(
    shop: Shop, plane: ControlPlane
) -> None:
    found = await declared_children(shop, "budget")
    patch = '{"spec":{"minAvailable":1,"maxUnavailable":null}}'
    await asyncio.to_thread(changed_by_a_person, plane, shop.namespace, "pdb/budget", patch)
    await restored(shop, found["PodDisruptionBudget", "budget"])


DECIDED: list[tuple[str, str, str, Callable[[Manifest], object]]] = [
    (
        "deployment/decided",
        '{"spec":{"template":{"spec":{"containers":[{"name":"service","command":["sleep"]}]}}}}',
        "strategic",
        lambda live: container(live).get("command"),
    ),
    (
        "deployment/decided",
        (
            '{"spec":{"template":{"spec":{"containers":[{"name":"service",'
            '"env":[{"name":"FOREIGN","value":"1"}]}]}}}}'
        ),
        "strategic",
        lambda live: [e for e in container(live)["env"] if e["name"] == "FOREIGN"] or None,
    ),
    (
        "deployment/decided",
        (
            '{"spec":{"template":{"spec":{"containers":[{"name":"service",'
            '"resources":{"limits":{"cpu":"7"}}}]}}}}'
        ),
        "strategic",
        lambda live: container(live)["resources"]["limits"].get("cpu"),
    ),
    (
        "kongplugin/decided-rate-limiting",
        '{"config":{"hour":1}}',
        "merge",
        lambda live: live["config"].get("hour"),
    ),
]


@pytest.mark.parametrize(("what", "patch", "way", "foreign"), DECIDED)
async def test_what_the_spec_decides_is_put_right(  # noqa: PLR0913, PLR0917 - a table
    shop: Shop,
    plane: ControlPlane,
    what: str,
    patch: str,
    way: str,
    foreign: Callable[[Manifest], object],
) -> None:
    found = await declared_children(shop, "decided", route=SPEC["route"])
    await asyncio.to_thread(changed_by_a_person, plane, shop.namespace, what, patch, way)
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
    await eventually(partial(has_event, shop, "DriftCorrected", note="kubectl-patch"))
    assert found


async def test_a_topic_has_the_declared_settings_only(shop: Shop, plane: ControlPlane) -> None:
    topic = {"topic": "set.events", "config": {"cleanup.policy": "delete"}}
    await declared_children(shop, "set", events={"publishes": [topic]})
    place, what = shop.platform.kafka_namespace, "kafkatopic/set.events"
    await asyncio.to_thread(
        changed_by_a_person, plane, place, what, '{"spec":{"config":{"retention.ms":"1000"}}}'
    )

    async def gone() -> bool:
        live = await shop.client.get(TOPIC, place, "set.events")
        return bool(live["spec"]["config"] == {"cleanup.policy": "delete"})

    await eventually(gone)


async def test_without_the_schemas_it_works_by_rule(shop: Shop, plane: ControlPlane) -> None:
    async with proxy() as between:

        async def closed(request: web.Request) -> web.StreamResponse | None:
            return status(403, "forbidden") if request.path.startswith("/openapi") else None

        between.fault = closed
        async with ApiClient(between.login) as client:
            await shop.start(client)
            await shop.declare("ruled", **SPEC, resources={"requests": {"cpu": "2.5m"}})
            await shop.settled("ruled")
            changed_by_a_person(plane, shop.namespace, "service/ruled", WHOLE[0][1])
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
