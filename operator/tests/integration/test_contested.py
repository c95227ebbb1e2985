"""Fights with another manager back off and are named."""

import time
from collections.abc import Awaitable, Callable

from shop_operator.api.kinds import DEPLOYMENT, EVENT, Kind
from shop_operator.metadata import Manifest

from .harm import container, declared_children
from .shop import Shop, eventually

BUDGET = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")


async def seconds_of(rounds: int, harmed: Callable[[], Awaitable[bool]]) -> float:
    """Harm as often, each time that it was put right; return how long that took."""
    began = time.monotonic()
    for _ in range(rounds):
        await eventually(harmed)
    return time.monotonic() - began


async def test_a_fight_over_a_field_is_damped_and_named(shop: Shop) -> None:
    await declared_children(shop, "fought")
    rival = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "fought", "namespace": shop.namespace},
        "spec": {"replicas": 5},
    }

    async def taken() -> bool:
        live = await shop.client.get(DEPLOYMENT, shop.namespace, "fought")
        if live["spec"]["replicas"] == 5:
            return False
        await shop.client.apply(rival, manager="rival-controller")
        return True

    # Three corrections at once, then one after 2, 4 and 8 seconds; the next is 16 seconds away.
    assert await seconds_of(7, taken) > 2 + 4 + 8

    async def named() -> bool:  # who it is, is known while the field is theirs
        message = await shop.reason("fought", "Synced", "Contested")
        return "spec.replicas" in message and "rival-controller" in message

    await eventually(named, seconds=10)
    told: list[Manifest] = []

    async def counted() -> bool:
        events = await shop.client.list(EVENT, shop.namespace)
        told[:] = [e for e in events["items"] if e["reason"] == "DriftCorrected"]
        return len(told) == 1 and told[0].get("series", {}).get("count") in {6, 7}

    await eventually(counted, seconds=10, why=lambda: str(told))
    assert "rival-controller" in told[0]["note"]
    # A new spec does not wait, and neither do other fields.
    await shop.declare("fought", replicas=2, port=9000)

    async def followed() -> bool:
        live = await shop.client.get(DEPLOYMENT, shop.namespace, "fought")
        ports = container(live)["ports"]
        return bool(live["spec"]["replicas"] == 2 and ports[0]["containerPort"] == 9000)

    await eventually(followed, seconds=10)


async def test_a_child_that_is_deleted_again_and_again(shop: Shop) -> None:
    await declared_children(shop, "fought")

    async def deleted() -> bool:
        live = await shop.get(BUDGET, "fought")
        if live is None:
            return False
        uid = live["metadata"]["uid"]
        await shop.client.delete(BUDGET, shop.namespace, "fought", uid=uid)
        return True

    assert await seconds_of(6, deleted) > 2 + 4
    message = await shop.reason("fought", "Synced", "Contested")
    assert "PodDisruptionBudget fought: it is deleted again and again" in message
