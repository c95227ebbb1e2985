"""Why pods don't start is said in the ShopService, in words that tell what to do."""

from typing import Any

import pytest

from .shop import Shop
from .workloads import container, make_pod, observe

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
    states = {
        field: [
            container(state, last, name=name, restartCount=3) for name, state, last in containers
        ]
        for field, containers in status.items()
    }
    await make_pod(shop, "troubled", "troubled-1", {"phase": "Pending", **states})
    await observe(shop, "troubled", availableReplicas=0)
    assert words in await shop.reason("troubled", "WorkloadReady", reason)
    assert (await shop.condition("troubled", "Ready"))["reason"] == reason
    await observe(shop, "troubled")
    await shop.reason("troubled", "WorkloadReady", "Available")


async def test_a_sidecar_s_field_that_does_not_exist_is_named(shop: Shop) -> None:
    await shop.start()
    sidecar = {"name": "side", "image": "side:1", "imagePulPolicy": "Always"}
    await shop.declare("typo", template={"spec": {"containers": [sidecar]}})
    message = await shop.reason("typo", "Synced", "Rejected")
    assert '.spec.template.spec.containers[name="side"].imagePulPolicy' in message
