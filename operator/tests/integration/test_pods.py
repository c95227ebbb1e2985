"""Why pods don't start is said in the ShopService, in words that tell what to do."""

from typing import Any

import pytest

from shop_operator.api.kinds import DEPLOYMENT, POD, Kind

from .conftest import Shop

BACK_OFF = {"waiting": {"reason": "ImagePullBackOff", "message": "no such host"}}
CRASHED = {"exitCode": 3, "reason": "Error"}
LOOP = {"waiting": {"reason": "CrashLoopBackOff"}}


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        ({"containerStatuses": [("service", BACK_OFF, {})]}, "ImagePullFailed", "spec.image"),
        (
            {"containerStatuses": [("service", LOOP, {"terminated": CRASHED})]},
            "CrashLooping",
            "kubectl logs",
        ),
        (
            {"initContainerStatuses": [("migrate", {"terminated": CRASHED}, {})]},
            "MigrationFailed",
            "-c migrate",
        ),
    ],
)
async def test_trouble_is_named_and_goes_with_its_cause(
    shop: Shop, status: dict[str, Any], reason: str, words: str
) -> None:
    await shop.start()
    await shop.declare("troubled")
    await shop.settled("troubled")
    deployment = await shop.client.get(DEPLOYMENT, shop.namespace, "troubled")
    template = deployment["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": "troubled-1", "namespace": shop.namespace},
        "spec": template["spec"],
    }
    await shop.client.create(POD, shop.namespace, pod)
    states = {
        field: [
            {
                "name": name,
                "state": state,
                "lastState": last,
                "ready": False,
                "image": "i",
                "imageID": "",
                "restartCount": 3,
            }
            for name, state, last in containers
        ]
        for field, containers in status.items()
    }
    await _set_status(shop, POD, "troubled-1", {"phase": "Pending", **states})
    assert words in await shop.reason("troubled", "WorkloadReady", reason)
    assert (await shop.condition("troubled", "Ready"))["reason"] == reason
    await _set_status(
        shop,
        DEPLOYMENT,
        "troubled",
        {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": 1,
            "readyReplicas": 1,
            "updatedReplicas": 1,
            "availableReplicas": 1,
        },
    )
    await shop.reason("troubled", "WorkloadReady", "Available")


async def _set_status(shop: Shop, kind: Kind, name: str, status: dict[str, Any]) -> None:
    """Write a status as the kubelet or a controller would."""
    body = await shop.client.get(kind, shop.namespace, name)
    path = kind.path(shop.namespace, name, "status")
    await shop.client._json("PUT", path, None, {**body, "status": status})
