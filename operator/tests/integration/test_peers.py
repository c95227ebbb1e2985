"""A peer in `network.egressTo` that is not there, or is closed, is told until that is mended."""

from typing import Any

from shop_operator.api import connection
from shop_operator.api.api_client import ApiClient
from shop_operator.api.kinds import POD, SHOP_SERVICE, Kind
from shop_operator.metadata import NAME_LABEL, Manifest

from .shop import Shop, eventually


async def test_a_peer_that_is_not_there_is_told_until_it_comes(shop: Shop) -> None:
    await shop.start()
    await shop.declare("caller", network={"egressTo": ["callee"]})
    message = await shop.reason("caller", "Synced", "PeerMissing")
    assert message == "network.egressTo: no ShopService and no pod here has the name callee"
    assert (await shop.condition("caller", "Synced"))["status"] == "True"
    callee = await shop.declare("callee", network={"ingressFrom": ["caller"]})
    await shop.reason("caller", "Synced", "AsDeclared", seconds=10)
    uid = callee["metadata"]["uid"]
    await shop.settled("callee")
    await shop.client.delete(SHOP_SERVICE, shop.namespace, "callee", uid=uid)
    await shop.reason("caller", "Synced", "PeerMissing")


async def test_pods_that_are_no_services_are_peers_too(shop: Shop) -> None:
    await shop.start()
    peers = {"egressTo": ["mailbox", "letterbox"]}
    await shop.declare("sender", network=peers)
    message = await shop.reason("sender", "Synced", "PeerMissing")
    assert message.endswith("has the name mailbox, letterbox")
    pod: Manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "mailbox-0", "labels": {NAME_LABEL: "mailbox"}},
        "spec": {
            "serviceAccountName": "sender",
            "containers": [{"name": "mailbox", "image": "mailbox:1"}],
        },
    }
    await shop.client.create(POD, shop.namespace, pod)
    peers["egressTo"].append("postbox")
    await shop.declare("sender", network=peers)

    async def is_seen() -> bool:
        message = (await shop.condition("sender", "Synced"))["message"]
        return bool(message.endswith("has the name letterbox, postbox"))

    await eventually(is_seen)


async def test_a_peer_that_would_not_let_a_service_in_is_told_to_it(shop: Shop) -> None:
    await shop.start()
    await shop.declare("callee", network={"ingressFrom": ["callr", "later"]})
    await shop.settled("callee")  # whom it lets in may come later
    await shop.declare("caller", network={"egressTo": ["callee"]})
    message = await shop.reason("caller", "Synced", "PeerClosed")
    assert "callee would not let this service in" in message
    assert (await shop.condition("caller", "Synced"))["status"] == "True"
    await shop.declare("callee", network={"ingressFrom": ["caller"]})
    await shop.reason("caller", "Synced", "AsDeclared", seconds=10)


class _Counting(ApiClient):
    """Counts the lists of pods by what labels they were asked for."""

    def __init__(self) -> None:
        super().__init__(connection.login)
        self.looks: list[str] = []

    async def list(self, kind: Kind, namespace: str = "", **how: Any) -> Manifest:
        if kind is POD and NAME_LABEL in how.get("labels", ""):
            self.looks.append(how["labels"])
        return await super().list(kind, namespace, **how)


async def test_pods_are_looked_for_once_a_minute_however_often_a_service_changes(
    shop: Shop,
) -> None:
    async with _Counting() as client:
        await shop.start(client)
        for replicas in range(4):
            body = await shop.declare("busy", replicas=replicas, network={"egressTo": ["mailbox"]})
            generation = body["metadata"]["generation"]

            async def is_reported(generation: int = generation) -> bool:
                found = await shop.condition("busy", "Synced")
                return bool(found.get("observedGeneration") == generation)

            await eventually(is_reported)
        await shop.stop()
    assert client.looks == [f"{NAME_LABEL} in (mailbox)"]
