"""Ready is safe to build a pipeline on: False from before a Deployment changes until it is done."""

import asyncio
import subprocess
from functools import partial
from typing import Any

import pytest

from shop_cluster.control_plane import ControlPlane
from shop_operator.api.kinds import DEPLOYMENT, POD, SECRET, SHOP_SERVICE, Kind
from shop_operator.children.access_secret import decode, password_in
from shop_operator.metadata import Manifest

from .shop import Shop, eventually
from .workloads import container, kubelet, make_pod, observe, set_status

CRASHED = {"terminated": {"exitCode": 3, "reason": "Error"}}
LOOP = {"waiting": {"reason": "CrashLoopBackOff"}}


@pytest.fixture
async def serving(shop: Shop) -> Shop:
    """A shop with a service `web` that is ready."""
    await shop.start()
    await shop.declare("web")
    await shop.settled("web")
    await observe(shop, "web")
    await shop.reason("web", "Ready", "AllReady")
    return shop


def wait_for_ready(plane: ControlPlane, shop: Shop, name: str, *, seconds: int) -> bool:
    """Return whether `kubectl wait` passes."""
    try:
        plane.kubectl(
            "wait",
            "--for=condition=Ready",
            f"--timeout={seconds}s",
            "-n",
            shop.namespace,
            f"shopservice/{name}",
        )
    except subprocess.CalledProcessError:
        return False
    return True


async def test_kubectl_wait_passes_after_the_rollout_and_not_before(
    serving: Shop, plane: ControlPlane
) -> None:
    shop = serving
    assert await asyncio.to_thread(wait_for_ready, plane, shop, "web", seconds=60)
    await shop.declare("web", image="minishop/nope:1")
    # The controller sees it at once: the new pod can't be pulled, the old one still serves.
    await eventually(lambda: _has_image(shop, "web", "minishop/nope:1"))
    await observe(shop, "web", replicas=2)
    assert not await asyncio.to_thread(wait_for_ready, plane, shop, "web", seconds=3)
    failed = {"waiting": {"reason": "ErrImagePull", "message": "not found"}}
    await make_pod(shop, "web", "web-2", {"containerStatuses": [container(failed)]})
    assert "ErrImagePull" in await shop.reason("web", "Ready", "ImagePullFailed")
    await observe(shop, "web")
    assert await asyncio.to_thread(wait_for_ready, plane, shop, "web", seconds=60)


async def test_ready_is_false_before_the_deployment_changes(serving: Shop) -> None:
    shop, seen = serving, list[tuple[int, Kind, Manifest]]()
    listed = await shop.client.list(SHOP_SERVICE, shop.namespace, recent=True)
    version = listed["metadata"]["resourceVersion"]

    async def record(kind: Kind) -> None:
        async for _, body in shop.client.watch(
            kind, shop.namespace, version=version, labels="", seconds=600
        ):
            seen.append((int(body["metadata"]["resourceVersion"]), kind, body))

    watches = [asyncio.create_task(record(kind)) for kind in (SHOP_SERVICE, DEPLOYMENT)]
    try:
        for number in range(3):
            image = f"minishop/web:{number}"
            await shop.declare("web", image=image)
            await eventually(partial(_has_image, shop, "web", image))
            await observe(shop, "web")
            await shop.reason("web", "Ready", "AllReady")
        for kind in (SHOP_SERVICE, DEPLOYMENT):
            last = (await shop.client.get(kind, shop.namespace, "web"))["metadata"]
            await eventually(partial(_has, seen, kind, int(last["resourceVersion"])))
    finally:
        for watch in watches:
            watch.cancel()
        await asyncio.wait(watches)
    # One server counts all versions: this is the order in which things happened.
    ready, image, changes = "True", "minishop/test:1", 0
    for _, kind, body in sorted(seen, key=lambda change: change[0]):
        if kind is SHOP_SERVICE:
            ready = _ready(body)
        elif _image(body) != image:
            image, changes = _image(body), changes + 1
            assert ready == "False", f"the Deployment got {image} while Ready was {ready}"
    assert changes == 3


async def test_a_change_that_concerns_no_pod_does_not_make_it_unready(serving: Shop) -> None:
    shop = serving
    before = await shop.condition("web", "Ready")
    await shop.declare("web", slo={"availability": "99.9"}, disruptionBudget={"maxUnavailable": 2})

    async def seen() -> bool:
        body = await shop.client.get(SHOP_SERVICE, shop.namespace, "web")
        return bool(body["status"]["observedGeneration"] == body["metadata"]["generation"])

    await eventually(seen)
    after = await shop.condition("web", "Ready")
    assert after["lastTransitionTime"] == before["lastTransitionTime"]
    assert after["status"] == "True"


async def test_a_failure_is_told_with_the_last_line_of_the_log_read_once(
    serving: Shop, plane: ControlPlane
) -> None:
    shop = serving
    async with kubelet(shop, plane, f"node-{shop.namespace}") as node:
        node.logs["service"] = "starting\ncolumn x does not exist\n"
        crashed = container(LOOP, CRASHED, restartCount=2)
        status = {"containerStatuses": [crashed]}
        await make_pod(shop, "web", "web-2", status, node=node.node)
        await observe(shop, "web", availableReplicas=0)
        message = await shop.reason("web", "WorkloadReady", "CrashLooping")
        assert message.endswith("it last said: column x does not exist")
        for budget in (2, 3):  # two more passes over the same failure
            await shop.declare("web", disruptionBudget={"maxUnavailable": budget})
            await eventually(lambda: _is_observed(shop, "web"))
        assert node.asked == [("service", "")]
        node.logs["service"] = "column y does not exist"
        again = {"containerStatuses": [container({"running": {}}, CRASHED, restartCount=3)]}
        await set_status(shop, POD, "web-2", again)

        async def told() -> bool:
            return "column y" in (await shop.condition("web", "WorkloadReady"))["message"]

        await eventually(told)
        assert node.asked == [("service", ""), ("service", "true")]


async def test_a_log_that_can_not_be_read_takes_nothing_from_the_reason(
    serving: Shop, plane: ControlPlane
) -> None:
    shop = serving
    async with kubelet(shop, plane, f"node-{shop.namespace}") as node:
        status = {"containerStatuses": [container(LOOP, CRASHED)]}
        await make_pod(shop, "web", "web-2", status, node=node.node)
        await observe(shop, "web", availableReplicas=0)
        message = await shop.reason("web", "WorkloadReady", "CrashLooping")
        assert "it last said" not in message
        assert "kubectl logs" in message


async def test_passwords_in_a_log_stay_out_of_the_status(shop: Shop, plane: ControlPlane) -> None:
    await shop.start()
    await shop.declare("web", cache={"kind": "redis"})
    await shop.settled("web")
    async with kubelet(shop, plane, f"node-{shop.namespace}") as node:
        secret = await shop.client.get(SECRET, shop.namespace, "web-access")
        word = password_in(decode(secret["data"]["redis_url"]))
        node.logs["service"] = f"redis said no to {word}\n"
        status = {"containerStatuses": [container(LOOP, CRASHED)]}
        await make_pod(shop, "web", "web-2", status, node=node.node)
        await observe(shop, "web", availableReplicas=0)
        message = await shop.reason("web", "WorkloadReady", "CrashLooping")
        assert message.endswith("redis said no to ***")


async def test_a_pod_stuck_in_terminating_is_told_when_it_is_overdue(
    serving: Shop,
) -> None:
    shop = serving
    running = {"containerStatuses": [container({"running": {}}, ready=True, started=True)]}
    await make_pod(shop, "web", "web-0", running, finalizer="example.com/keep")
    body = await shop.client.get(POD, shop.namespace, "web-0")
    await shop.client.delete(POD, shop.namespace, "web-0", uid=body["metadata"]["uid"])
    # Nothing happens any more, yet the condition turns when the time has come.
    message = await shop.reason("web", "WorkloadReady", "StuckTerminating", seconds=90)
    assert "web-0" in message
    patch: dict[str, Any] = {"metadata": {"finalizers": None}}
    await shop.client.merge(POD, shop.namespace, "web-0", patch)
    await shop.reason("web", "Ready", "AllReady")


async def test_scaling_to_zero_is_ready_once_all_pods_are_gone(serving: Shop) -> None:
    shop = serving
    await shop.declare("web", replicas=0)

    async def scaled() -> bool:
        body = await shop.client.get(DEPLOYMENT, shop.namespace, "web")
        return bool(body["spec"]["replicas"] == 0)

    await eventually(scaled)
    assert (await shop.condition("web", "Ready"))["status"] == "False"
    none = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 0)
    await observe(shop, "web", **none)
    await shop.reason("web", "WorkloadReady", "ScaledToZero")


async def test_the_progress_deadline_is_the_deployments(serving: Shop) -> None:
    shop = serving
    body = await shop.client.get(DEPLOYMENT, shop.namespace, "web")
    assert body["spec"]["progressDeadlineSeconds"] == 180
    await shop.declare("web", progressDeadlineSeconds=900)

    async def changed() -> bool:
        body = await shop.client.get(DEPLOYMENT, shop.namespace, "web")
        return bool(body["spec"]["progressDeadlineSeconds"] == 900)

    await eventually(changed)
    running = {"containerStatuses": [container({"running": {}}, started=False)]}
    await make_pod(shop, "web", "web-2", running)
    await observe(shop, "web", replicas=2)
    late = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
    await observe(shop, "web", replicas=2, conditions=late)
    await shop.reason("web", "Ready", "StartupProbeFailing")


async def _has_image(shop: Shop, name: str, image: str) -> bool:
    return _image(await shop.client.get(DEPLOYMENT, shop.namespace, name)) == image


async def _is_observed(shop: Shop, name: str) -> bool:
    body = await shop.client.get(SHOP_SERVICE, shop.namespace, name)
    return bool(body["status"]["observedGeneration"] == body["metadata"]["generation"])


async def _has(seen: list[tuple[int, Kind, Manifest]], kind: Kind, version: int) -> bool:
    return any(each[0] >= version and each[1] is kind for each in seen)


def _image(deployment: Manifest) -> str:
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def _ready(body: Manifest) -> str:
    conditions = (body.get("status") or {}).get("conditions") or ()
    return next((str(c["status"]) for c in conditions if c["type"] == "Ready"), "Unknown")
