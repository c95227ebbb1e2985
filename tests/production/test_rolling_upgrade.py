"""Every service gets a new version at once, as by one `kubectl apply` of a release, under load."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from shop_journey.kubectl import Kubectl
from shop_journey.readiness import rolled_out
from shop_journey.up import wait_until_ready

from chaos.load import Load, under_load
from e2e.invariants import assert_invariants_hold

ORDERS_A_SECOND = 3
SECONDS = 300
ANNOTATION = "example.com/release"
# Plays what is somebody else's, and remembers its charges only while it runs.
NOT_OURS = "payment-simulator"


async def release(kubectl: Kubectl, version: str | None) -> None:
    """Declare another version of each service, and return when its pods are all there are."""
    annotations = {"metadata": {"annotations": {ANNOTATION: version}}}
    patch = json.dumps({"spec": {"template": annotations}})
    services = await kubectl("get", "shopservices", "-n=shop", "-o=name")
    for service in services.split():
        if service.endswith(f"/{NOT_OURS}"):
            continue
        await kubectl("patch", service, "-n=shop", "--type=merge", f"--patch={patch}")
    async with asyncio.timeout(SECONDS):
        while await late(kubectl, version):
            await asyncio.sleep(1)


async def late(kubectl: Kubectl, version: str | None) -> list[str]:
    """Return the Deployments that are not of that version, or not all of their pods."""
    selector = "--selector=app.kubernetes.io/managed-by=shop-operator"
    found = (await kubectl.get("deployments", "-n=shop", selector))["items"]
    return [
        each["metadata"]["name"]
        for each in found
        if each["metadata"]["name"] != NOT_OURS
        and not (rolled_out(each) and released(each) == version)
    ]


def released(deployment: dict[str, Any]) -> str | None:
    """Return the version that a Deployment's pods are of."""
    annotations: dict[str, str] = deployment["spec"]["template"]["metadata"].get("annotations", {})
    return annotations.get(ANNOTATION)


async def pods(kubectl: Kubectl) -> dict[str, str]:
    """Return the services' pods that are not on their way out: each one's uid, and its service."""
    found = await kubectl.get(
        "pods", "-n=shop", f"--selector=minishop.dev/service,minishop.dev/service!={NOT_OURS}"
    )
    return {
        pod["metadata"]["uid"]: pod["metadata"]["labels"]["minishop.dev/service"]
        for pod in found["items"]
        if "deletionTimestamp" not in pod["metadata"]
    }


@pytest.fixture
async def releasable(kubectl: Kubectl) -> AsyncIterator[Kubectl]:
    yield kubectl
    await release(kubectl, None)
    await wait_until_ready(kubectl, print)


async def test_a_release_of_every_service_refuses_nobody(releasable: Kubectl) -> None:
    before = await pods(releasable)
    load = Load()
    async with under_load(load, ORDERS_A_SECOND):
        await asyncio.sleep(3)
        await release(releasable, "2")
        await asyncio.sleep(3)
    print(f"{len(load.accepted)} orders accepted; refused: {dict(load.refused)}")
    after = await pods(releasable)
    assert not before.keys() & after.keys()
    assert set(after.values()) == set(before.values())
    assert not load.refused
    assert load.accepted
    await assert_invariants_hold(releasable)
