"""With nothing changed, nothing is written: counted by the API server itself."""

import asyncio

from prometheus_client.parser import text_string_to_metric_families

from shop_cluster.control_plane import ControlPlane
from shop_operator.api.kinds import EVENT, IN_KAFKA_NAMESPACE, IN_SERVICE_NAMESPACES, SHOP_SERVICE

from .harm import SPEC
from .shop import Shop, eventually

OURS = {kind.plural for kind in (*IN_SERVICE_NAMESPACES, *IN_KAFKA_NAMESPACE, SHOP_SERVICE, EVENT)}
READS = {"GET", "LIST", "WATCH", "WATCHLIST", "CONNECT"}


def writes(plane: ControlPlane) -> dict[tuple[str, str], float]:
    """Return how many writes the API server has answered, by verb and resource."""
    found: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(plane.kubectl("get", "--raw", "/metrics")):
        if family.name != "apiserver_request":
            continue
        for sample in family.samples:
            verb, resource = sample.labels.get("verb", ""), sample.labels.get("resource", "")
            counted = sample.name.endswith("_total") and sample.labels.get("dry_run") == ""
            if counted and verb not in READS and resource in OURS:
                found[verb, resource] = found.get((verb, resource), 0) + sample.value
    return found


async def test_a_restart_writes_nothing(shop: Shop, plane: ControlPlane) -> None:
    await shop.start()
    names = [f"quiet-{number}" for number in range(5)]
    for name in names:
        topic = {"publishes": [{"topic": f"{name}.events"}]}
        await shop.declare(name, **{**SPEC, "events": topic})
    for name in names:
        await shop.settled(name)
    await asyncio.sleep(2)  # for what may still be written
    await shop.stop()
    before = writes(plane)
    assert before["APPLY", "deployments"] >= 5
    operator = await shop.start(resync_seconds=1)

    async def leads() -> bool:
        return operator.lease.held

    await eventually(leads)
    await asyncio.sleep(4)  # several resyncs
    after = writes(plane)
    assert {
        key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key)
    } == {}
