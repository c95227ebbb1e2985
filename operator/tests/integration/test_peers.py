"""A peer in `network.egressTo` that is not there is told, until it comes."""

from shop_operator.api.kinds import POD, SHOP_SERVICE
from shop_operator.metadata import NAME_LABEL, Manifest

from .shop import Shop, eventually


async def test_a_peer_that_is_not_there_is_told_until_it_comes(shop: Shop) -> None:
    await shop.start()
    await shop.declare("caller", network={"egressTo": ["callee", "caller"]})
    message = await shop.reason("caller", "Synced", "PeerMissing")
    assert message == "network.egressTo: no ShopService and no pod here has the name callee"
    assert (await shop.condition("caller", "Synced"))["status"] == "True"
    callee = await shop.declare("callee")
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
    await shop.declare("sender", network=peers, replicas=2)

    async def is_seen() -> bool:
        message = (await shop.condition("sender", "Synced"))["message"]
        return bool(message.endswith("has the name letterbox"))

    await eventually(is_seen)
