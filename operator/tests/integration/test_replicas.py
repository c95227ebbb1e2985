"""Who owns the number of pods, when it goes from the spec to an autoscaler and back."""

from typing import Any

from shop_operator.api.kinds import DEPLOYMENT, SHOP_SERVICE
from shop_operator.metadata import Manifest

from .shop import Shop, eventually


async def test_an_autoscaler_takes_over_the_pods_that_run(shop: Shop) -> None:
    await shop.start()
    await shop.declare("scaled", replicas=5)
    await shop.settled("scaled")
    version = (await _deployment(shop))["metadata"]["resourceVersion"]
    await _declare_settled(shop, autoscaling={"min": 2, "max": 9})
    assert await _counts_since(shop, version) == {5}

    await _scale(shop, 7)  # as the autoscaler would
    await _declare_settled(shop, autoscaling={"min": 2, "max": 9}, port=9000)
    assert (await _deployment(shop))["spec"]["replicas"] == 7

    await _declare_settled(shop, replicas=3)
    assert (await _deployment(shop))["spec"]["replicas"] == 3
    version = (await _deployment(shop))["metadata"]["resourceVersion"]
    await _declare_settled(shop, autoscaling={"min": 2, "max": 9})
    assert await _counts_since(shop, version) == {3}


async def test_a_horizontal_pod_autoscaler_is_given_pods_to_begin_from(shop: Shop) -> None:
    await shop.start()
    await shop.declare("scaled", replicas=0)
    await shop.settled("scaled")
    await _declare_settled(shop, autoscaling={"min": 2, "max": 9})
    assert (await _deployment(shop))["spec"]["replicas"] == 2

    await _scale(shop, 0)  # it leaves a Deployment without pods alone

    async def begun() -> bool:
        return bool((await _deployment(shop))["spec"]["replicas"] == 2)

    async def told() -> bool:
        body = await shop.client.get(SHOP_SERVICE, shop.namespace, "scaled")
        return bool(body["status"].get("lastDrift", {}).get("field") == "spec.replicas")

    await eventually(begun)
    await eventually(told)  # a status is not written where the spec changed meanwhile
    await _scale(shop, 7)
    await _declare_settled(shop, autoscaling={"min": 2, "max": 9}, port=9000)
    assert (await _deployment(shop))["spec"]["replicas"] == 7


async def test_one_by_cpu_begins_where_one_by_lag_had_stopped_all_pods(shop: Shop) -> None:
    events = {"subscribes": [{"topic": "scaled.events", "group": "scaled"}]}
    await shop.start()
    await shop.declare("scaled", events=events, autoscaling={"min": 0, "max": 9, "lag": {}})
    await shop.settled("scaled")
    await _scale(shop, 0)  # as KEDA would
    await shop.settled("scaled")
    assert (await _deployment(shop))["spec"]["replicas"] == 0
    await _declare_settled(shop, events=events, autoscaling={"min": 3, "max": 9})
    assert (await _deployment(shop))["spec"]["replicas"] == 3


async def test_an_autoscaler_of_the_shopservice_itself_needs_no_replicas_declared(
    shop: Shop,
) -> None:
    await shop.start()
    await shop.declare("scaled")
    await shop.settled("scaled")
    path = SHOP_SERVICE.path(shop.namespace, "scaled", "scale")
    scale = await shop.client._json("GET", path)  # as the HorizontalPodAutoscaler's controller
    assert scale["spec"]["replicas"] == 1
    assert scale["status"]["selector"] == "app.kubernetes.io/name=scaled"
    scale["spec"]["replicas"] = 4
    query = {"fieldManager": "horizontal-pod-autoscaler"}
    await shop.client._json("PUT", path, query, scale)

    async def followed() -> bool:
        return bool((await _deployment(shop))["spec"]["replicas"] == 4)

    await eventually(followed)
    await _declare_settled(shop, port=9000)  # which says nothing of replicas
    assert (await _deployment(shop))["spec"]["replicas"] == 4


async def _declare_settled(shop: Shop, **spec: Any) -> None:
    generation = (await shop.declare("scaled", **spec))["metadata"]["generation"]

    async def settled() -> bool:
        body = await shop.client.get(SHOP_SERVICE, shop.namespace, "scaled")
        return bool(body["status"]["observedGeneration"] == generation)

    await eventually(settled, seconds=60)
    await shop.settled("scaled")


async def _counts_since(shop: Shop, version: str) -> set[int]:
    """Return every number of pods that was asked for since a version of the Deployment."""
    found, last = set(), (await _deployment(shop))["metadata"]["resourceVersion"]
    events = shop.client.watch(DEPLOYMENT, shop.namespace, version=version, labels="", seconds=60)
    async for event, body in events:
        if event == "MODIFIED":
            found.add(body["spec"]["replicas"])
        if body["metadata"]["resourceVersion"] == last:
            return found
    raise AssertionError(f"version {last} never came")


async def _deployment(shop: Shop) -> Manifest:
    return await shop.client.get(DEPLOYMENT, shop.namespace, "scaled")


async def _scale(shop: Shop, replicas: int) -> None:
    path = DEPLOYMENT.path(shop.namespace, "scaled", "scale")
    body = {"spec": {"replicas": replicas}}
    content = "application/merge-patch+json"
    query = {"fieldManager": "horizontal-pod-autoscaler"}
    await shop.client._json("PATCH", path, query, body, content)
