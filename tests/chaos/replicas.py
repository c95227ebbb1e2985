"""So many pods of each service of the shop, for as long as a block lasts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shop_journey.kubectl import Kubectl
from shop_journey.up import wait_until_ready

SERVICES = "shop"
STAND_INS = frozenset(("payment-simulator",))
"""They keep what happened in memory, so two of them would be two providers."""


@asynccontextmanager
async def replicas(kubectl: Kubectl, wanted: int | None) -> AsyncIterator[None]:
    """Run `wanted` pods of each service inside the block; None leaves them as they are.

    Services that an autoscaler scales keep what it chose. Raises StepFailedError where they do not
    get ready.
    """
    if wanted is None:
        yield
        return
    before = {
        item["metadata"]["name"]: item["spec"]["replicas"]
        for item in (await kubectl.get("shopservices", "-n", SERVICES))["items"]
        if "replicas" in item["spec"] and item["metadata"]["name"] not in STAND_INS
    }
    try:
        await _scale(kubectl, dict.fromkeys(before, wanted))
        yield
    finally:
        await _scale(kubectl, before)


async def _scale(kubectl: Kubectl, counts: dict[str, int]) -> None:
    for name, count in counts.items():
        await kubectl("scale", "-n", SERVICES, f"shopservice/{name}", f"--replicas={count}")
    await wait_until_ready(kubectl, lambda _: None)
