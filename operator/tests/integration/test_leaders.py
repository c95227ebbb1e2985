"""Two operators: who writes is read from the API server's audit log, a user for each."""

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shop_cluster.control_plane import ControlPlane
from shop_operator.api.kinds import (
    IN_KAFKA_NAMESPACE,
    IN_SERVICE_NAMESPACES,
    LEASE,
    POD,
    SHOP_SERVICE,
)
from shop_operator.metadata import MANAGED_BY_LABEL, MANAGER, key_of

from .audit import Request, requests
from .program import operator_program
from .shop import Shop, eventually

NAMES = [f"many-{number}" for number in range(20)]


@dataclass
class Two:
    """Two operators of one test."""

    shop: Shop
    plane: ControlPlane
    processes: dict[int, "subprocess.Popen[bytes]"]
    users: dict[int, str]

    async def holder(self) -> int:
        """Return the process id of the holder, 0 while there is none."""
        lease = await self.shop.get(LEASE, "shop-operator", self.shop.platform.operator_namespace)
        identity = str(lease["spec"]["holderIdentity"]) if lease else ""
        return int(identity.split("_")[1]) if identity else 0

    def writes(self) -> list[Request]:
        """Return the writes of both in the services' and Kafka's namespaces, but for the Lease."""
        return [
            request
            for request in requests(self.plane, *self.users.values())
            if request.writes and request.resource != "leases"
        ]

    async def warm(self) -> bool:
        """Whether both know all there is: the standby keeps its caches as the holder does."""
        kinds = {kind.plural for kind in (*IN_SERVICE_NAMESPACES, *IN_KAFKA_NAMESPACE)}
        lists = [r for r in requests(self.plane, *self.users.values()) if r.verb == "list"]
        listed = {
            user: {r.resource for r in lists if r.user == user} for user in self.users.values()
        }
        return all(kinds <= found for found in listed.values())

    async def amid(self) -> bool:
        """Whether some of the children are written, and some are not."""
        return len(self.writes()) > 20


@pytest.fixture
def two(shop: Shop, plane: ControlPlane, tmp_path: Path) -> Iterator[Two]:
    users = [f"{shop.namespace}-{name}" for name in ("first", "second")]
    first, second = [plane.access(user, groups=("system:masters",)) for user in users]
    with (
        operator_program(shop.platform, first, tmp_path / "first") as one,
        operator_program(shop.platform, second, tmp_path / "second") as other,
    ):
        pids = one.pid, other.pid
        yield Two(
            shop,
            plane,
            dict(zip(pids, (one, other), strict=True)),
            dict(zip(pids, users, strict=True)),
        )


async def test_only_the_holder_writes(two: Two) -> None:
    await eventually(two.holder, seconds=60)
    await eventually(two.warm, seconds=60)
    for name in NAMES[:5]:
        await two.shop.declare(name)
    for name in NAMES[:5]:
        await two.shop.reason(name, "Synced", "AsDeclared", seconds=60)
    writes = two.writes()
    assert len(writes) > 5 * len(("finalizer", "Deployment", "status"))
    assert {write.user for write in writes} == {two.users[await two.holder()]}


async def test_a_killed_holders_work_is_finished_by_the_other(two: Two) -> None:
    shop = two.shop
    await eventually(two.holder, seconds=60)
    await eventually(two.warm, seconds=60)
    killed = await two.holder()
    for name in NAMES[:15]:
        await shop.declare(name)
    await eventually(two.amid, seconds=60)
    # However fast the holder was, these are left to the other.
    os.kill(killed, signal.SIGSTOP)
    half_way = len(two.writes())
    for name in NAMES[15:]:
        await shop.declare(name)
    os.kill(killed, signal.SIGKILL)
    two.processes[killed].wait()
    for name in NAMES:
        await shop.reason(name, "Synced", "AsDeclared", seconds=60)
    [survivor] = [user for pid, user in two.users.items() if pid != killed]
    writers = [write.user for write in two.writes()]
    # What was on its way to the API server when its sender died is still carried out there.
    taken_over = writers.index(survivor)
    assert half_way <= taken_over
    # One after the other, never by turns.
    assert writers == [two.users[killed]] * taken_over + [survivor] * (len(writers) - taken_over)
    assert await _live(shop) == await _declared(shop)


async def _declared(shop: Shop) -> set[tuple[str, str, str]]:
    """Return (kind, namespace, name) of every child that a ShopService says it has."""
    found = set()
    for body in (await shop.client.list(SHOP_SERVICE, shop.namespace))["items"]:
        for child in body["status"]["children"]:
            namespace = child.get("namespace", shop.namespace)
            found.add((child["kind"], namespace, child["name"]))
    return found


async def _live(shop: Shop) -> set[tuple[str, str, str]]:
    """Return the same of everything that bears a ShopService's labels."""
    places = [(kind, shop.namespace) for kind in IN_SERVICE_NAMESPACES if kind is not POD]
    places += [(kind, shop.platform.kafka_namespace) for kind in IN_KAFKA_NAMESPACE]
    found = set()
    for kind, namespace in places:
        labels = f"{MANAGED_BY_LABEL}={MANAGER}"
        for body in (await shop.client.list(kind, namespace, labels=labels))["items"]:
            if key_of(body) is not None:
                found.add((kind.kind, namespace, body["metadata"]["name"]))
    return found
