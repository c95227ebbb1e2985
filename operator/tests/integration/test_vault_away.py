"""Vault away, sealed or strict: what runs goes on, nothing is dropped, and conditions say why."""

import asyncio
import contextlib
import signal
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from shop_servers import databases
from shop_servers.server_set import ServerSet
from shop_servers.servers import OpenBao, Postgres

from shop_cluster.control_plane import ControlPlane
from shop_operator.api.kinds import DEPLOYMENT

from .outside import delete, external, gone, status
from .rotations import request
from .shop import Shop, eventually
from .test_vault import connect, login, spec
from .vault import Vault, beside, vault
from .workloads import observe

__all__ = ["vault"]


@pytest.fixture
async def fragile(
    sql: Shop, plane: ControlPlane, breakable: ServerSet, tmp_path: Path
) -> AsyncIterator[Vault]:
    """A shop with a Vault that the test may seal or kill."""
    server = OpenBao(**breakable.need("openbao")["openbao"])
    async with httpx.AsyncClient(verify=_trust(server), timeout=60) as client:
        # The test before may have sealed it; it opens by itself in a moment.
        async def is_open() -> bool:
            return (await client.get(f"{server.url}/v1/sys/health")).is_success

        await eventually(is_open, seconds=60)
    namespace = databases.create_bao_namespace(server)
    async with beside(sql, plane, namespace, tmp_path) as found:
        yield found
        await sql.stop()


@contextlib.asynccontextmanager
async def sealed(server: OpenBao) -> AsyncIterator[None]:
    """Seal it as often as it is opened again, which it is by itself."""
    headers = {"X-Vault-Token": server.token}
    async with httpx.AsyncClient(headers=headers, verify=_trust(server), timeout=60) as client:

        async def seal() -> None:
            if (await client.get(f"{server.url}/v1/sys/health")).is_success:
                (await client.put(f"{server.url}/v1/sys/seal")).raise_for_status()

        async def keep() -> None:
            while True:
                await seal()
                await asyncio.sleep(0.1)

        await seal()
        keeping = asyncio.create_task(keep())
        yield
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping


async def test_with_vault_away_nothing_is_dropped_and_it_is_said(
    vault: Vault, postgres: Postgres, name: str, closed_port: int
) -> None:
    shop = vault.shop
    await shop.start()
    await shop.provision("orders", **spec(name))
    made, pods = await external(shop, "orders"), await shop.get(DEPLOYMENT, "orders")
    await shop.stop()
    await shop.start(vault_address=f"https://127.0.0.1:{closed_port}")
    message = await shop.reason("orders", "SecretsReady", "VaultUnavailable")
    assert str(closed_port) in message
    assert (await shop.condition("orders", "DatabaseReady"))["status"] == "True"
    assert await external(shop, "orders") == made
    assert await shop.get(DEPLOYMENT, "orders") is not None
    await shop.declare("orders", **spec(name), replicas=2)
    await asyncio.sleep(2)
    now = await shop.client.get(DEPLOYMENT, shop.namespace, "orders")
    assert pods is not None
    assert now["metadata"]["uid"] == pods["metadata"]["uid"]
    assert now["spec"]["replicas"] == 2  # what needs no Vault is done
    await shop.stop()
    await shop.start()
    await shop.reason("orders", "SecretsReady", "Available")


async def test_without_vault_a_deleted_service_waits_and_says_so(
    vault: Vault, name: str, closed_port: int
) -> None:
    shop = vault.shop
    await shop.start()
    await shop.provision("orders", **spec(name))
    await shop.stop()
    await shop.start(vault_address=f"https://127.0.0.1:{closed_port}")
    await shop.reason("orders", "SecretsReady", "VaultUnavailable")
    await delete(shop, "orders")
    message = await _says(shop, "Ready", "deletion waits")
    assert "AuthRole" in message
    await shop.reason("orders", "Ready", "VaultUnavailable")
    await shop.stop()
    await shop.start()
    await gone(shop, "orders")


async def test_an_operator_without_a_vault_says_what_to_set(shop: Shop) -> None:
    await shop.start()
    await shop.declare("orders", secrets={"provider": "vault"})
    message = await shop.reason("orders", "SecretsReady", "VaultUnavailable")
    assert "MINISHOP_VAULT_ADDRESS" in message


async def test_a_sealed_vault_is_told_from_one_that_is_away(fragile: Vault, name: str) -> None:
    shop, server = fragile.shop, fragile.bao.server
    await shop.start()
    await shop.provision("orders", **spec(name))
    await shop.stop()
    async with sealed(server):
        await shop.start()
        message = await shop.reason("orders", "SecretsReady", "VaultSealed")
        assert "unseal" in message
        await shop.reason("orders", "Ready", "VaultSealed")


async def test_a_vault_that_hangs_is_unavailable_and_a_rotation_waits_for_its_return(
    fragile: Vault, breakable: ServerSet, postgres: Postgres, name: str
) -> None:
    shop = fragile.shop
    await shop.start()
    await shop.provision("orders", **spec(name))
    await shop.settled("orders")
    await observe(shop, "orders")
    await shop.reason("orders", "WorkloadReady", "Available")
    lease = await login(fragile, "orders")
    breakable.send("openbao", signal.SIGSTOP)
    try:
        await request(shop, "2030-01-01T00:00:01Z")
        message = await shop.reason("orders", "SecretsReady", "VaultUnavailable", seconds=60)
        assert "does not answer" in message
        rotation = (await status(shop, "orders"))["rotation"]
        assert rotation["phase"] == "Pending"
        assert "the logins of before go on" in rotation["message"]
        await (await connect(postgres, name, lease)).close()  # what was given out is good
    finally:
        breakable.send("openbao", signal.SIGCONT)
    await shop.reason("orders", "SecretsReady", "Available", seconds=60)

    async def ended() -> bool:
        await observe(shop, "orders")
        return bool((await status(shop, "orders"))["rotation"]["phase"] == "Complete")

    await eventually(ended)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await connect(postgres, name, lease)


async def test_what_vaults_policy_denies_the_operator_is_named(vault: Vault, name: str) -> None:
    shop = vault.shop
    await asyncio.to_thread(
        vault.root.sys.create_or_update_policy,
        "minishop-operator",
        'path "x" { capabilities = ["read"] }',
    )
    await shop.start()
    await shop.declare("orders", **spec(name))
    message = await shop.reason("orders", "SecretsReady", "PolicyDenied")
    assert "operator-policy.hcl" in message
    assert f"{shop.namespace}-orders" in message


async def test_an_operator_that_vault_does_not_know_is_told_which_role_to_write(
    vault: Vault, tmp_path: Path
) -> None:
    await vault.shop.start(vault_role="nobody")
    await vault.shop.declare("orders", secrets={"provider": "vault"})
    message = await vault.shop.reason("orders", "SecretsReady", "PolicyDenied")
    assert "auth/kubernetes/role/nobody" in message
    await vault.shop.stop()
    await vault.shop.start(vault_token_file=str(tmp_path / "missing"))
    assert "can't be read" in await _says(vault.shop, "SecretsReady", "missing")


async def test_a_revoked_token_of_the_operator_is_replaced(vault: Vault, name: str) -> None:
    shop = vault.shop
    await shop.start()
    await shop.provision("orders", secrets={"provider": "vault"})
    await asyncio.to_thread(
        vault.root.write_data, "sys/leases/revoke-prefix/auth/kubernetes/login", data={"sync": True}
    )
    await shop.provision("later", secrets={"provider": "vault"})


async def _says(shop: Shop, kind: str, word: str) -> str:
    """Wait until a condition says a word; return what it says."""
    said: list[str] = []

    async def reached() -> bool:
        said.append(str((await shop.condition("orders", kind))["message"]))
        return word in said[-1]

    await eventually(reached, why=lambda: said[-1])
    return said[-1]


def _trust(server: OpenBao) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca)


async def test_connections_to_vault_are_kept(vault: Vault, name: str) -> None:
    """Each would be a handshake; and one that Vault's end has closed is made again."""
    at = urlsplit(vault.bao.server.url)
    made: list[asyncio.StreamWriter] = []
    handlers: list[asyncio.Task[Any]] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.extend(filter(None, [asyncio.current_task()]))
        there, back = await asyncio.open_connection(at.hostname, at.port)
        made.append(writer)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await vault.shop.start(vault_address=f"https://127.0.0.1:{port}")
        await vault.shop.provision("orders", **spec(name))
        # For more than a dozen requests.
        assert 1 <= len(made) <= 2
        for writer in made:
            writer.close()
        await vault.shop.declare("orders", **spec(name), cache={"kind": "redis"})
        await vault.shop.settled("orders")
        await vault.shop.reason("orders", "SecretsReady", "Available")
        await vault.shop.stop()
        for writer in made:
            writer.close()
        await asyncio.gather(*handlers)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while some := await source.read(65536):
            target.write(some)
            await target.drain()
    target.close()
