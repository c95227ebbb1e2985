"""The oracle's say, at the end of a test."""

from shop_journey.kubectl import Kubectl

from oracle import settled
from store_access import from_cluster

SETTLE_SECONDS = 60


async def assert_invariants_hold(kubectl: Kubectl) -> None:
    async with from_cluster(kubectl.kubeconfig) as stores:
        _, found = await settled(stores, SETTLE_SECONDS)
    assert found == []
