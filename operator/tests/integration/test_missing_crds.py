"""A cluster without the others' CRDs: what is unknown is skipped, said, and picked up."""

from collections.abc import Iterator

import pytest

from shop_cluster.control_plane import ControlPlane, control_plane

from .crds import ROOT, install, real_crds
from .shop import Shop, eventually


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane that knows ShopServices only."""
    with control_plane(tmp_path_factory.mktemp("bare")) as running:
        install(running, [ROOT / "crds" / "shopservice.yaml"])
        yield running


async def test_kinds_are_skipped_until_their_crds_come(shop: Shop, plane: ControlPlane) -> None:
    await shop.start()
    await shop.declare("bare", events={"publishes": [{"topic": "bare.events"}]})
    message = await shop.reason("bare", "Synced", "CrdMissing")
    assert "ServiceMonitor" in message
    assert "KafkaTopic" in await shop.reason("bare", "EventsReady", "CrdMissing")
    assert (await shop.condition("bare", "Synced"))["status"] == "True"
    install(plane, real_crds())
    await shop.reason("bare", "Synced", "AsDeclared")
    await shop.reason("bare", "EventsReady", "TopicNotReady")

    async def listed() -> bool:
        body = await shop.settled("bare")
        kinds = {child["kind"] for child in body["status"]["children"]}
        return {"ServiceMonitor", "KafkaTopic"} <= kinds

    await eventually(listed)
