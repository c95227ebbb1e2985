"""Fights with another manager back off and are named."""

import asyncio
import time

from shop_operator.api.kinds import DEPLOYMENT, EVENT, Kind

from .harm import (
    container,
    declared_children,
)
from .shop import Shop, eventually

BUDGET = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")


async def test_a_fight_over_a_field_is_damped_and_named(shop: Shop) -> None:
    await declared_children(shop, "fought")
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
        ports = container(live)["ports"]
        return bool(live["spec"]["replicas"] == 2 and ports[0]["containerPort"] == 9000)

    await eventually(followed, seconds=2)


async def test_a_child_that_is_deleted_again_and_again(shop: Shop) -> None:
    await declared_children(shop, "fought")
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
