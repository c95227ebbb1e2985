"""Logins change, and Vault is away for a minute, while orders come in: none of them fails."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from shop_journey.kubectl import Kubectl
from shop_journey.up import apply_services, wait_until_ready

from chaos.load import Load, under_load
from e2e.invariants import assert_invariants_hold
from e2e.vault_access import NEEDS_VAULT, lease, log_in
from shop_cluster.port_forward import forwarded
from shop_cluster.secrets_provider import Provider
from shop_cluster.vault_setup import reachable
from store_access import POSTGRES_SERVICES, Stores, from_cluster

KUBECTL_SHOP = Path(sys.executable).parent / "kubectl-shop"
ORDERS_A_SECOND = 1
AWAY_SECONDS = 60
BACK_SECONDS = 180
# One for each store that has logins: PostgreSQL and Redis, MongoDB, PostgreSQL and RabbitMQ.
ROTATED = ("order", "product", "notification")


@pytest.fixture
async def stores(kubectl: Kubectl) -> AsyncIterator[Stores]:
    async with from_cluster(kubectl.kubeconfig) as found:
        yield found


async def rotate(kubectl: Kubectl, name: str) -> None:
    """Give a service new logins by the command, and return when the old ones are gone."""
    process = await asyncio.create_subprocess_exec(
        *(KUBECTL_SHOP, "rotate", "-n=shop", name),
        env=kubectl.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def logins(stores: Stores, service: str) -> set[str]:
    """Return the logins of the sessions that a service's pods have in PostgreSQL."""
    query = (
        "SELECT DISTINCT usename AS login FROM pg_stat_activity"
        f" WHERE application_name = '{service}' AND datname IS NOT NULL"
    )
    return {str(row["login"]) for row in await stores.rows("postgres", query)}


async def are_leased(stores: Stores) -> set[bool]:
    """Return of the logins in use whether each is Vault's."""
    used = [each for name in POSTGRES_SERVICES for each in await logins(stores, name)]
    return {login.startswith("v-") for login in used}


async def test_logins_of_every_store_are_replaced_and_no_order_fails(
    kubectl: Kubectl, stores: Stores
) -> None:
    before = {name: await logins(stores, name) for name in ("order", "notification")}
    load = Load()
    async with under_load(load, ORDERS_A_SECOND):
        await asyncio.gather(*(rotate(kubectl, name) for name in ROTATED))
    assert not load.refused
    assert load.accepted
    for name, old in before.items():
        assert old
        assert not old & await logins(stores, name)
    rows = await stores.rows("postgres", "SELECT rolname, rolcanlogin FROM pg_roles")
    roles = {str(row["rolname"]): bool(row["rolcanlogin"]) for row in rows}
    assert not [login for old in before.values() for login in old if roles.get(login)]
    await assert_invariants_hold(kubectl)


@NEEDS_VAULT
async def test_a_login_that_leaked_ends_with_a_rotation_and_no_order_fails(
    kubectl: Kubectl, stores: Stores
) -> None:
    with reachable(kubectl.command()) as vault:
        log_in(kubectl.command(), vault, "order")
        login = lease(vault, "order")
    load = Load()
    async with forwarded(kubectl.command("-n=platform"), "postgres", 5432) as port:
        at = f"postgresql://{login['username']}:{login['password']}@127.0.0.1:{port}/order"
        thief = await asyncpg.connect(at)
        assert await thief.fetchval("SELECT count(*) FROM orders") >= 0
        async with under_load(load, ORDERS_A_SECOND):
            await rotate(kubectl, "order")
        # The last of them where asyncpg has the server's last word, and not yet the end after it.
        ended = (
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            OSError,
            asyncpg.InternalClientError,
        )
        with pytest.raises(ended):
            await thief.fetchval("SELECT 1")
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            await asyncpg.connect(at)
    assert not load.refused
    assert load.accepted
    named = f"SELECT 1 FROM pg_roles WHERE rolname = '{login['username']}'"
    assert await stores.rows("postgres", named) == []
    await assert_invariants_hold(kubectl)


@NEEDS_VAULT
async def test_leases_that_are_revoked_in_use_are_replaced_and_no_order_fails(
    kubectl: Kubectl, stores: Stores
) -> None:
    before = await logins(stores, "order")
    assert before
    load = Load()
    async with under_load(load, ORDERS_A_SECOND):
        with reachable(kubectl.command()) as vault:
            log_in(kubectl.command(), vault, "administrator")
            for role in ("shop-order", "shop-order_alt"):
                vault.put(f"sys/leases/revoke-prefix/database/creds/{role}").raise_for_status()
        async with asyncio.timeout(BACK_SECONDS):
            while before & (now := await logins(stores, "order")) or not now:
                await asyncio.sleep(1)
    assert not load.refused
    assert load.accepted
    await assert_invariants_hold(kubectl)


@pytest.fixture
async def scaled_back(kubectl: Kubectl) -> AsyncIterator[None]:
    """Have one Vault, and one pod of shipping, after the test."""
    yield
    await kubectl("scale", "statefulset/vault", "-n=platform", "--replicas=1")
    await kubectl("scale", "shopservice/shipping", "-n=shop", "--replicas=1")
    rollout = ("rollout", "status", "statefulset/vault", "-n=platform")
    await kubectl(*rollout, f"--timeout={BACK_SECONDS}s")
    await wait_until_ready(kubectl, print)


@NEEDS_VAULT
async def test_vault_is_away_for_a_minute_and_no_order_fails(
    kubectl: Kubectl, scaled_back: None
) -> None:
    load = Load()
    async with under_load(load, ORDERS_A_SECOND):
        await kubectl("scale", "statefulset/vault", "-n=platform", "--replicas=0")
        await kubectl("wait", "pod/vault-0", "-n=platform", "--for=delete", "--timeout=60s")
        # A new pod waits for its secrets, and its service says why; those that run go on.
        await kubectl("scale", "shopservice/shipping", "-n=shop", "--replicas=2")
        away = asyncio.create_task(asyncio.sleep(AWAY_SECONDS))
        assert "Vault" in await said_of_secrets(kubectl, "shipping")
        await away
        waiting = await kubectl.get("deployment/shipping", "-n=shop")
        assert waiting["status"]["readyReplicas"] == 1
        await kubectl("scale", "statefulset/vault", "-n=platform", "--replicas=1")
        wait = ("wait", "shopservices", "--all", "-n=shop", "--for=condition=Ready")
        await kubectl(
            "wait", "shopservice/shipping", "-n=shop", "--for=jsonpath={.spec.replicas}=2"
        )
        await kubectl(*wait, f"--timeout={BACK_SECONDS}s")
        rolled = ("rollout", "status", "deployment/shipping", "-n=shop")
        await kubectl(*rolled, f"--timeout={BACK_SECONDS}s")
    assert not load.refused
    assert load.accepted
    await assert_invariants_hold(kubectl)


async def said_of_secrets(kubectl: Kubectl, name: str) -> str:
    """Wait until a service's secrets are not ready, and return why."""
    async with asyncio.timeout(AWAY_SECONDS):
        while True:
            found = await kubectl.get("shopservice", name, "-n=shop")
            conditions = found["status"]["conditions"]
            said = next(each for each in conditions if each["type"] == "SecretsReady")
            if said["status"] == "False":
                return str(said["message"])
            await asyncio.sleep(1)


@pytest.fixture
async def moved_back(kubectl: Kubectl) -> AsyncIterator[None]:
    yield
    await apply_services(kubectl, "vault", print)
    await wait_until_ready(kubectl, print)


@NEEDS_VAULT
async def test_the_shop_moves_from_vault_to_kubernetes_and_back_and_no_order_fails(
    kubectl: Kubectl, stores: Stores, moved_back: None
) -> None:
    load = Load()
    providers: tuple[Provider, ...] = ("kubernetes", "vault")
    async with under_load(load, ORDERS_A_SECOND):
        for provider in providers:
            await apply_services(kubectl, provider, print)
            await wait_until_ready(kubectl, print)
            # A pod that is on its way out serves a little longer, by the login that it has.
            async with asyncio.timeout(60):
                while await are_leased(stores) != {provider == "vault"}:
                    await asyncio.sleep(1)
    assert not load.refused
    assert load.accepted
    await assert_invariants_hold(kubectl)
