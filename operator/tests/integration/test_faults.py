"""An operator or the API server that goes away for a while: it converges."""

import asyncio

from shop_cluster.control_plane import ControlPlane
from shop_operator.api.api_errors import ApiError
from shop_operator.api.kinds import DEPLOYMENT

from .harm import HARM
from .shop import Shop, eventually


async def test_one_of_two_writes_and_the_other_takes_over(shop: Shop) -> None:
    first = await shop.start()
    await eventually(lambda: _held(first.lease))
    second = await shop.start()
    await shop.declare("one")
    await shop.settled("one")
    assert first.lease.held
    assert not second.lease.held
    _, task = shop.running[0]
    task.cancel()  # no good-bye: the Lease is not given back
    await asyncio.wait([task])
    await shop.declare("two")
    await eventually(lambda: _held(second.lease))
    await shop.settled("two")


async def test_it_converges_after_the_api_server_was_gone(shop: Shop, plane: ControlPlane) -> None:
    await shop.start()
    await shop.declare("steady")
    await shop.settled("steady")
    await asyncio.to_thread(plane.api_server.restart)

    async def harmed() -> bool:
        try:
            await shop.client.merge(DEPLOYMENT, shop.namespace, "steady", HARM["Deployment"])
        except ApiError as error:
            if error.temporary:
                return False  # it has only just started
            raise
        return True

    await eventually(harmed)
    await eventually(lambda: _repaired(shop, "steady"), seconds=60)


async def test_a_frozen_api_server_is_waited_for(shop: Shop, plane: ControlPlane) -> None:
    operator = await shop.start()
    await shop.declare("patient")
    await shop.settled("patient")
    plane.api_server.freeze()
    try:
        await asyncio.sleep(shop.platform.lease_seconds)
        assert not operator.lease.held  # it can't know whether another holds it now
    finally:
        plane.api_server.thaw()
    await shop.declare("patient", port=9001)

    async def changed() -> bool:
        live = await shop.client.get(DEPLOYMENT, shop.namespace, "patient")
        container = live["spec"]["template"]["spec"]["containers"][0]
        return bool(container["ports"][0]["containerPort"] == 9001)

    await eventually(changed, seconds=60)


async def _held(lease: object) -> bool:
    return bool(getattr(lease, "held", False))


async def _repaired(shop: Shop, name: str) -> bool:
    live = await shop.client.get(DEPLOYMENT, shop.namespace, name)
    return bool(live["spec"]["template"]["spec"]["securityContext"]["runAsUser"] == 10001)
