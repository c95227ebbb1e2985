"""Two operators, killed and cut off: one writes, and it converges."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from shop_cluster.control_plane import ControlPlane
from shop_operator.kinds import DEPLOYMENT, LEASE

from .conftest import Shop, eventually
from .test_drift import HARM


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
    await eventually(lambda: _held(second.lease), seconds=20)
    await shop.settled("two")


async def test_a_killed_holder_leaves_nothing_half_done(
    shop: Shop, plane: ControlPlane, tmp_path: Path
) -> None:
    names = [f"many-{number}" for number in range(20)]
    with _process(shop, plane, tmp_path / "a") as one, _process(shop, plane, tmp_path / "b") as two:

        async def holder() -> int:
            lease = await shop.get(LEASE, "shop-operator", shop.platform.operator_namespace)
            return int(
                (lease or {"spec": {"holderIdentity": "_0_"}})["spec"]["holderIdentity"].split("_")[
                    1
                ]
            )

        await eventually(holder, seconds=60)
        for name in names:
            await shop.declare(name)
        os.kill(await holder(), signal.SIGKILL)
        for name in names:
            await shop.reason(name, "Synced", "AsDeclared", seconds=60)
        assert {one.poll(), two.poll()} == {None, -signal.SIGKILL}


async def test_it_converges_after_the_api_server_was_gone(shop: Shop, plane: ControlPlane) -> None:
    await shop.start()
    await shop.declare("steady")
    await shop.settled("steady")
    await asyncio.to_thread(plane.api_server.restart)

    async def harmed() -> bool:
        await shop.cluster.merge(DEPLOYMENT, shop.namespace, "steady", HARM["Deployment"])
        return True

    await harmed()
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
        live = await shop.cluster.get(DEPLOYMENT, shop.namespace, "patient")
        container = live["spec"]["template"]["spec"]["containers"][0]
        return bool(container["ports"][0]["containerPort"] == 9001)

    await eventually(changed, seconds=60)


async def _held(lease: object) -> bool:
    return bool(getattr(lease, "held", False))


async def _repaired(shop: Shop, name: str) -> bool:
    live = await shop.cluster.get(DEPLOYMENT, shop.namespace, name)
    return bool(live["spec"]["template"]["spec"]["securityContext"]["runAsUser"] == 10001)


@contextmanager
def _process(shop: Shop, plane: ControlPlane, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the real program for the test's namespaces."""
    platform = shop.platform
    settings = {
        "MINISHOP_NAMESPACES": orjson.dumps(platform.namespaces).decode(),
        "MINISHOP_OPERATOR_NAMESPACE": platform.operator_namespace,
        "MINISHOP_PLATFORM_NAMESPACE": platform.platform_namespace,
        "MINISHOP_KAFKA_NAMESPACE": platform.kafka_namespace,
        "MINISHOP_LEASE_SECONDS": "3",
        "MINISHOP_HTTP_PORT": "0",
    }
    program = Path(sys.executable).with_name("shop-operator")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(program), "run", "--kubeconfig", str(plane.kubeconfig)],
            env=os.environ | settings,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)
