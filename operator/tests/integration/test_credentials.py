"""Credentials that are refused, that rotate, and that a kubeconfig's exec plugin gives."""

import asyncio
import base64
import stat
import sys
from pathlib import Path
from typing import Any

import kopf
import orjson
import pytest
import yaml
from aiohttp import web

from shop_cluster.control_plane import ControlPlane
from shop_operator.api import connection
from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError
from shop_operator.api.kinds import SECRET

from .audit import requests
from .proxy import Proxy, proxy, status
from .shop import Shop, eventually


class Door:
    """Refuses every token but the last one given out."""

    def __init__(self, at: Proxy) -> None:
        self.logins = 0
        self.valid = ""
        self._proxy = at
        at.fault = self._check

    def login(self) -> kopf.ConnectionInfo:
        self.logins += 1
        self.valid = self.valid or f"token-{self.logins}"
        return kopf.ConnectionInfo(server=self._proxy.url, token=self.valid)

    def revoke(self) -> None:
        self.valid = ""

    async def _check(self, request: web.Request) -> web.StreamResponse | None:
        shown = request.headers.get("Authorization")
        await asyncio.sleep(0.05)  # so that requests are in flight together
        return None if shown == f"Bearer {self.valid}" else status(401, "Unauthorized")


async def test_refused_credentials_lead_to_one_new_login(shop: Shop) -> None:
    async with proxy() as between:
        door = Door(between)
        async with ApiClient(door.login) as client:
            assert door.logins == 1
            for round_ in range(2, 5):  # also right after the last, whenever the machine booted
                door.revoke()
                lists = [client.list(SECRET, shop.namespace) for _ in range(20)]
                for found in await asyncio.gather(*lists):
                    assert found["items"] == []
                assert door.logins == round_


async def test_credentials_that_never_work_are_not_asked_for_again_at_once(shop: Shop) -> None:
    async with proxy() as between:
        logins = 0

        def login() -> kopf.ConnectionInfo:
            nonlocal logins
            logins += 1
            return kopf.ConnectionInfo(server=between.url, token="wrong")

        async def closed(_: web.Request) -> web.StreamResponse:
            return status(401, "Unauthorized")

        between.fault = closed
        async with ApiClient(login) as client:
            for _ in range(20):
                with pytest.raises(ApiError) as refused:
                    await client.list(SECRET, shop.namespace)
                assert refused.value.status == 401
                assert refused.value.temporary
        assert logins == 2


async def test_a_watch_and_a_login_that_fails_are_errors_to_try_again(shop: Shop) -> None:
    async with proxy() as between:
        door = Door(between)
        async with ApiClient(door.login) as client:
            await client.list(SECRET, shop.namespace)
            door.revoke()

            def gone() -> kopf.ConnectionInfo:
                raise connection.NoClusterError("the token file is gone")

            client._sessions._login = gone
            with pytest.raises(ApiError, match="token file is gone") as refused:
                await anext(client.watch(SECRET, shop.namespace, version="0", labels="", seconds=1))
            assert refused.value.temporary


async def test_a_certificate_that_was_replaced_in_place_is_used(
    shop: Shop, plane: ControlPlane, tmp_path: Path
) -> None:
    """Both users are the server's to tell apart: only the second may read."""
    stranger, admin = (
        _client_pair(plane.access(user, groups=groups))
        for user, groups in (("stranger", ()), ("admin", ("system:masters",)))
    )
    files = tmp_path / "client.crt", tmp_path / "client.key"

    def write(pair: tuple[bytes, bytes]) -> None:
        for path, content in zip(files, pair, strict=True):
            path.write_bytes(content)

    def login() -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(
            server=plane.server,
            ca_path=str(plane.authority.certificate),
            certificate_path=str(files[0]),
            private_key_path=str(files[1]),
        )

    write(stranger)
    async with ApiClient(login) as client:
        with pytest.raises(ApiError, match="stranger"):
            await client.list(SECRET, shop.namespace)
        write(admin)
        assert client._sessions._session is not None
        client._sessions._session.since -= 3600  # as if an hour had gone by
        assert (await client.list(SECRET, shop.namespace))["items"] == []


@pytest.mark.parametrize("changes", ["the time alone", "the authority"])
async def test_a_watch_outlives_or_ends_with_the_connections_it_was_begun_on(
    shop: Shop, plane: ControlPlane, tmp_path: Path, changes: str
) -> None:
    """The kubelet writes a pod's ca.crt anew with each token, the same or not."""
    kubeconfig = yaml.safe_load(plane.kubeconfig.read_text())
    user = f"{shop.namespace}-watcher"
    certificate, key = _client_pair(plane.access(user, groups=("system:masters",)))

    async def watches() -> bool:
        return any(request.verb == "watch" for request in requests(plane, user))

    (tmp_path / "client.crt").write_bytes(certificate)
    (tmp_path / "client.key").write_bytes(key)
    authority = tmp_path / "ca.crt"
    before = plane.authority.certificate.read_text()

    def login() -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(
            server=kubeconfig["clusters"][0]["cluster"]["server"],
            ca_path=str(authority),
            certificate_path=str(tmp_path / "client.crt"),
            private_key_path=str(tmp_path / "client.key"),
        )

    authority.write_text(before)
    async with ApiClient(login) as client:
        version = (await client.list(SECRET, shop.namespace))["metadata"]["resourceVersion"]
        watch = client.watch(SECRET, shop.namespace, version=version, labels="", seconds=300)

        async def first() -> tuple[str, Any]:
            return await anext(watch)

        seen = asyncio.create_task(first())
        await eventually(watches)
        authority.unlink()
        authority.write_text(before if changes == "the time alone" else before + "\n" + before)
        assert client._sessions._session is not None
        client._sessions._session.since -= 3600  # as if an hour had gone by
        await client.list(SECRET, shop.namespace)
        if changes == "the authority":
            with pytest.raises(ApiError, match="cut"):
                await asyncio.wait_for(seen, 60)
            return
        metadata = {"name": "seen", "namespace": shop.namespace}
        await client.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
        event, body = await asyncio.wait_for(seen, 60)
        assert (event, body["metadata"]["name"]) == ("ADDED", "seen")


def _client_pair(kubeconfig: Path) -> tuple[bytes, bytes]:
    user = yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]
    certificate, key = (
        base64.b64decode(user[f"{name}-data"])
        if f"{name}-data" in user
        else Path(user[name]).read_bytes()
        for name in ("client-certificate", "client-key")
    )
    return certificate, key


@pytest.fixture
def plugged(shop: Shop, plane: ControlPlane, tmp_path: Path) -> Path:
    """A kubeconfig as clouds write it: the credentials come from a program."""
    name = "plugged"
    plane.kubectl("create", "serviceaccount", name, "-n", shop.namespace)
    binding = f"{shop.namespace}:{name}"
    plane.kubectl(
        "create", "rolebinding", name, "--clusterrole=cluster-admin", f"--serviceaccount={binding}",
        "-n", shop.namespace,
    )  # fmt: skip
    token = plane.kubectl("create", "token", name, "-n", shop.namespace).strip()
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token, "expirationTimestamp": "2099-01-01T00:00:00Z"},
    }
    (tmp_path / "credential.json").write_bytes(orjson.dumps(credential))
    plugin = tmp_path / "plugin"
    plugin.write_text(
        '#!/bin/sh\necho asked >> "$0.log"\nexec cat "$(dirname "$0")/credential.json"\n'
    )
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(_kubeconfig(plane, str(plugin))))
    return path


def _kubeconfig(plane: ControlPlane, command: str) -> dict[str, object]:
    asked = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": command,
        "interactiveMode": "Never",
    }
    cluster = {"server": plane.server, "certificate-authority": str(plane.authority.certificate)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "cloud",
        "contexts": [{"name": "cloud", "context": {"cluster": "cloud", "user": "cloud"}}],
        "clusters": [{"name": "cloud", "cluster": cluster}],
        "users": [{"name": "cloud", "user": {"exec": asked}}],
    }


async def test_an_exec_plugin_gives_the_credentials(
    shop: Shop, plugged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(plugged))
    async with ApiClient(connection.login) as client:
        assert (await client.list(SECRET, shop.namespace))["items"] == []
        assert client._sessions._session is not None
        client._sessions._session.since -= 3600
        assert (await client.list(SECRET, shop.namespace))["items"] == []
    assert plugged.with_name("plugin.log").read_text() == "asked\n" * 2
    # The package that reads it stays out of this process: it takes 36 MiB.
    assert not any(name.startswith("kubernetes.") for name in sys.modules)


def test_an_exec_plugin_that_fails_is_told_in_its_own_words(
    plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text("#!/bin/sh\necho 'your session has ended, log in' >&2\nexit 3\n")
    plugin.chmod(0o700)
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(_kubeconfig(plane, str(plugin))))
    monkeypatch.setenv("KUBECONFIG", str(path))
    with pytest.raises(connection.NoClusterError, match="your session has ended"):
        connection.login()


@pytest.mark.parametrize("content", [None, "", "{", "users: [", "current-context: nowhere\n", "[]"])
def test_a_kubeconfig_that_says_nothing_is_one_line(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("KUBECONFIG", str(path))
    with pytest.raises(connection.NoClusterError) as refused:
        connection.login()
    assert "\n" not in str(refused.value)
