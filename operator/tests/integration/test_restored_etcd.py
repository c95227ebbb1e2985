"""An etcd that is restored from a backup: what the operator had seen since then is not so."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shop_cluster.control_plane import ControlPlane, control_plane
from shop_operator.api import connection
from shop_operator.api.api_client import ApiClient
from shop_operator.api.kinds import DEPLOYMENT, SHOP_SERVICE
from shop_operator.settings import Settings

from .crds import ROOT, install, real_crds
from .shop import Shop, eventually


@pytest.fixture
async def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator["RestoredShop"]:
    """A shop on a control plane of its own."""
    with control_plane(tmp_path) as plane:
        install(plane, [*real_crds(), ROOT / "crds" / "shopservice.yaml"])
        monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig))
        for name in ("shop", "platform"):
            plane.kubectl("create", "namespace", name)
        platform = Settings(
            namespaces=("shop",),
            operator_namespace="platform",
            platform_namespace="platform",
            kafka_namespace="platform",
            lease_seconds=6,
            resync_seconds=5,
        )
        async with ApiClient(connection.login) as client:
            found = RestoredShop(client, platform, plane=plane, folder=tmp_path)
            yield found
            await found.stop()


class RestoredShop(Shop):
    """A shop whose etcd can be backed up and restored."""

    def __init__(
        self, client: ApiClient, platform: Settings, *, plane: ControlPlane, folder: Path
    ) -> None:
        super().__init__(client, platform)
        self._plane, self._data, self._backup = plane, folder / "etcd", folder / "backup"

    def back_up(self) -> None:
        """Copy etcd's data, which it does not write meanwhile."""
        self._plane.etcd.stop()
        shutil.copytree(self._data, self._backup)
        self._plane.etcd.start()
        self._plane.api_server.restart()

    def restore(self) -> None:
        """Put etcd's data back."""
        self._plane.api_server.stop()
        self._plane.etcd.stop()
        shutil.rmtree(self._data)
        shutil.copytree(self._backup, self._data)
        self._plane.etcd.start()
        self._plane.api_server.start()


async def test_the_operator_goes_on_from_what_was_restored(alone: RestoredShop) -> None:
    await alone.declare("first")
    await asyncio.to_thread(alone.back_up)
    await alone.start()
    await alone.settled("first")
    await alone.declare("second")
    await alone.settled("second")
    before = await alone.client.get(DEPLOYMENT, "shop", "first")
    await asyncio.to_thread(alone.restore)

    async def made_again() -> bool:
        live = await alone.get(DEPLOYMENT, "first")
        return live is not None and live["metadata"]["uid"] != before["metadata"]["uid"]

    await eventually(made_again)
    assert await alone.get(SHOP_SERVICE, "second") is None
