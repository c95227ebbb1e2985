"""`kubectl shop pause` and `resume`, as a person uses them."""

from shop_operator.api.kinds import DEPLOYMENT

from .command import kubectl_shop
from .harm import HARM
from .shop import Shop, eventually


async def test_a_paused_service_is_left_alone_until_it_is_resumed(shop: Shop) -> None:
    await shop.start()
    await shop.declare("paused")
    await shop.settled("paused")
    done = kubectl_shop("pause", "paused", "-n", shop.namespace)
    assert (done.returncode, done.stdout) == (0, f"{shop.namespace}/paused: Paused\n")
    assert "managementPolicy" in await shop.reason("paused", "Ready", "Paused")
    harmed = await shop.client.merge(DEPLOYMENT, shop.namespace, "paused", HARM["Deployment"])
    await shop.declare("other")  # once this one is made, the paused one had its turn too
    await shop.settled("other")
    live = await shop.client.get(DEPLOYMENT, shop.namespace, "paused")
    assert live["metadata"]["resourceVersion"] == harmed["metadata"]["resourceVersion"]

    done = kubectl_shop("resume", "paused", "-n", shop.namespace)
    assert (done.returncode, done.stdout) == (0, f"{shop.namespace}/paused: Enforce\n")

    async def repaired() -> bool:
        body = await shop.client.get(DEPLOYMENT, shop.namespace, "paused")
        return bool(body["spec"]["template"]["spec"]["securityContext"]["runAsUser"] == 10001)

    async def told() -> bool:
        return bool((await shop.condition("paused", "Ready"))["reason"] != "Paused")

    await eventually(repaired, seconds=60)
    await eventually(told, seconds=60)


async def test_a_service_that_is_not_there_can_not_be_paused(shop: Shop) -> None:
    done = kubectl_shop("pause", "nobody", "-n", shop.namespace)
    assert done.returncode == 3
    assert "nobody" in done.stderr
