"""Whatever another hand changes or deletes is put right, in every child kind."""

import asyncio
from typing import Any

import pytest

from shop_operator.api.kinds import SHOP_SERVICE, kind_of

from .harm import HARM, SPEC, children, is_as_before
from .shop import Shop, eventually


async def test_drift_is_counted_and_shown(shop: Shop) -> None:
    await shop.start()
    await shop.declare("shown")
    deployment = next(c for c in await children(shop, "shown") if c["kind"] == "Deployment")
    await shop.client.merge(kind_of(deployment), shop.namespace, "shown", HARM["Deployment"])

    async def shown() -> bool:
        body = await shop.client.get(SHOP_SERVICE, shop.namespace, "shown")
        drift = body["status"].get("lastDrift", {})
        return bool(drift.get("field") == "spec.template.spec.securityContext.runAsUser")

    await eventually(shown)


async def test_what_others_add_is_left_alone(shop: Shop) -> None:
    await shop.start()
    await shop.declare("injected")
    deployment = next(c for c in await children(shop, "injected") if c["kind"] == "Deployment")
    sidecar = {"name": "proxy", "image": "proxy:1"}
    containers = [*deployment["spec"]["template"]["spec"]["containers"], sidecar]
    await shop.client.merge(
        kind_of(deployment),
        shop.namespace,
        "injected",
        {"spec": {"template": {"spec": {"containers": containers}}}},
    )
    await shop.declare("injected", port=9000)

    async def moved() -> list[str]:
        live = await shop.client.get(kind_of(deployment), shop.namespace, "injected")
        found = live["spec"]["template"]["spec"]["containers"]
        return [c["name"] for c in found if c.get("ports", [{}])[0].get("containerPort") != 8000]

    await eventually(lambda: _equals(moved(), ["service", "proxy"]))


async def test_fields_that_the_spec_no_longer_asks_for_go(shop: Shop) -> None:
    await shop.start()
    await shop.declare("shrinking", **SPEC, env=[{"name": "EXTRA", "value": "1"}])
    before = await children(shop, "shrinking")
    await shop.declare("shrinking")

    async def left() -> set[tuple[str, str]]:
        found = set()
        for child in before:
            name = child["metadata"]["name"]
            if await shop.get(kind_of(child), name, child["metadata"]["namespace"]) is not None:
                found.add((child["kind"], name))
        return found

    kept = ("ServiceAccount", "NetworkPolicy", "Service", "Deployment", "PodDisruptionBudget")
    wanted = {(kind, "shrinking") for kind in (*kept, "ServiceMonitor", "PrometheusRule")}
    await eventually(lambda: _equals(left(), wanted))
    deployment = next(c for c in before if c["kind"] == "Deployment")
    live = await shop.client.get(kind_of(deployment), shop.namespace, "shrinking")
    names = [v["name"] for v in live["spec"]["template"]["spec"]["containers"][0]["env"]]
    assert "EXTRA" not in names


@pytest.mark.parametrize("policy", ["Observe", "Paused"])
async def test_nothing_is_written_unless_enforced(shop: Shop, policy: str) -> None:
    await shop.start()
    await shop.declare("watched")
    deployment = next(c for c in await children(shop, "watched") if c["kind"] == "Deployment")
    generation = (await shop.declare("watched", managementPolicy=policy))["metadata"]["generation"]

    async def known() -> bool:
        body = await shop.client.get(SHOP_SERVICE, shop.namespace, "watched")
        return bool(body["status"]["observedGeneration"] == generation)

    await eventually(known)  # or it might be put right just before
    harmed = await shop.client.merge(
        kind_of(deployment), shop.namespace, "watched", HARM["Deployment"]
    )
    if policy == "Observe":
        message = await shop.reason("watched", "Synced", "DriftObserved")
        assert "Deployment watched" in message
        assert "runAsUser" in message
    else:
        await shop.reason("watched", "Ready", "Paused")
    await asyncio.sleep(1)
    live = await shop.client.get(kind_of(deployment), shop.namespace, "watched")
    assert live["metadata"]["resourceVersion"] == harmed["metadata"]["resourceVersion"]
    await shop.declare("watched", managementPolicy="Enforce")
    await eventually(is_as_before(shop, deployment))


async def test_a_child_of_somebody_else_is_refused_until_it_is_gone(shop: Shop) -> None:
    config = {"kind": "ServiceAccount", "apiVersion": "v1"}
    await shop.client.apply(
        {**config, "metadata": {"name": "taken", "namespace": shop.namespace}}, manager="somebody"
    )
    await shop.start()
    await shop.declare("taken")
    message = await shop.reason("taken", "Synced", "NotOwned")
    assert "ServiceAccount" in message
    kind = kind_of(config)
    live = await shop.client.get(kind, shop.namespace, "taken")
    assert "labels" not in live["metadata"]
    await shop.client.delete(kind, shop.namespace, "taken", uid=live["metadata"]["uid"])
    await shop.reason("taken", "Synced", "AsDeclared")


async def test_two_services_may_not_own_one_topic(shop: Shop) -> None:
    await shop.start()
    events = {"publishes": [{"topic": "shared.events"}]}
    await shop.declare("first", events=events)
    await shop.settled("first")
    await shop.declare("second", events=events)
    message = await shop.reason("second", "EventsReady", "NotOwned")
    assert f"{shop.namespace}/first" in message
    assert "rename one" in message
    assert (await shop.condition("second", "Ready"))["reason"] == "NotOwned"
    await shop.declare("first")  # gives it up
    await shop.reason("second", "EventsReady", "TopicNotReady", seconds=60)


async def test_deleting_a_service_leaves_nothing_and_keeps_the_topics_data(shop: Shop) -> None:
    await shop.start()
    await shop.declare("brief", **SPEC)
    before = await children(shop, "brief")
    body = await shop.client.get(SHOP_SERVICE, shop.namespace, "brief")
    await shop.client.delete(SHOP_SERVICE, shop.namespace, "brief", uid=body["metadata"]["uid"])

    async def left() -> list[str]:
        found = [
            (child["metadata"]["namespace"], kind_of(child), child["metadata"]["name"])
            for child in before
        ]
        live = [await shop.get(kind, name, namespace) for namespace, kind, name in found]
        return [str(body["metadata"]["name"]) for body in live if body is not None]

    # The autoscaler's and the disruption budget's foreground finalizers need controllers.
    await eventually(lambda: _equals(left(), []))

    async def gone() -> bool:
        return await shop.get(SHOP_SERVICE, "brief") is None

    await eventually(gone)


async def _equals(asked: Any, wanted: object) -> bool:
    return bool(await asked == wanted)
