"""Fields of others that the spec says nothing of: left alone, or reported with whose they are."""

import asyncio
from typing import Any

import pytest

from shop_cluster.control_plane import ControlPlane
from shop_operator.api.kinds import DEPLOYMENT, Kind

from .harm import SERVICE, changed_by_a_person, declared_children
from .shop import Shop, eventually

AUTOSCALER = Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")


@pytest.mark.parametrize("name", ["mesh", "http"])
async def test_a_second_port_of_another_manager_stays(shop: Shop, name: str) -> None:
    found = await declared_children(shop, "ported")
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
    await declared_children(shop, "told", autoscaling={"max": 3})
    await asyncio.to_thread(changed_by_a_person, plane, shop.namespace, what, patch)
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
    await declared_children(shop, "left")
    sidecar = '{"spec":{"template":{"spec":{"containers":[{"name":"proxy","image":"p:1"}]}}}}'
    await asyncio.to_thread(
        changed_by_a_person, plane, shop.namespace, "deployment/left", sidecar, "strategic"
    )
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
