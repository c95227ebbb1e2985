"""What the operator keeps in a real OpenBao for a service, and what its pods may do with it."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import hvac
import pytest
from hvac.exceptions import Forbidden, InvalidRequest
from shop_servers.servers import Postgres

from shop_operator.api.kinds import DEPLOYMENT
from shop_operator.metadata import Manifest

from .outside import Sql, deleted, external, remembers
from .shop import Shop, eventually
from .vault import Vault, vault

__all__ = ["vault"]
VAULT: dict[str, Any] = {"provider": "vault"}


def spec(name: str, **more: Any) -> dict[str, Any]:
    return {
        "database": {"kind": "postgres", "name": name, "onDelete": "Drop"},
        "secrets": VAULT,
    } | more


async def login(vault: Vault, service: str) -> dict[str, Any]:
    """Ask Vault for a login of the database, as the service's pods do; return the lease."""
    client = await asyncio.to_thread(vault.logged_in, service)
    found: Any = await asyncio.to_thread(client.read, vault.path("database/creds", service))
    return dict(found)


async def revoke(vault: Vault, lease: dict[str, Any]) -> None:
    """End a lease, and wait until the server has ended it."""
    data = {"lease_id": lease["lease_id"], "sync": True}
    await asyncio.to_thread(vault.root.write_data, "sys/leases/revoke", data=data)


async def sessions(postgres: Postgres, lease: dict[str, Any]) -> int:
    """Count the sessions of a login that Vault gave out."""
    count = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1"
    async with Sql(postgres).admin() as admin:
        return int(await admin.fetchval(count, lease["data"]["username"]))


async def connect(postgres: Postgres, database: str, lease: dict[str, Any]) -> Any:
    """Connect to a database by a login that Vault gave out."""
    at, data = urlsplit(postgres.url), lease["data"]
    return await asyncpg.connect(
        host=at.hostname,
        port=at.port,
        user=data["username"],
        password=data["password"],
        database=database,
    )


async def test_a_pod_gets_a_login_of_its_own_that_acts_as_the_owner_and_ends(
    vault: Vault, postgres: Postgres, name: str
) -> None:
    await vault.shop.start()
    await vault.shop.provision("orders", **spec(name))
    lease = await login(vault, "orders")
    session = await connect(postgres, name, lease)
    await session.execute("CREATE TABLE made (id int)")
    owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'made'"
    assert await session.fetchval(owner) == name
    await session.execute("RESET ROLE; CREATE TEMP TABLE of_its_own (id int)")

    assert await sessions(postgres, lease) == 1
    second = await login(vault, "orders")
    assert second["data"]["username"] != lease["data"]["username"]
    await revoke(vault, lease)
    assert await sessions(postgres, lease) == 0
    session.terminate()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await connect(postgres, name, lease)
    other = await connect(postgres, name, second)
    assert await other.fetchval("SELECT count(*) FROM made") == 0
    await other.close()
    roles = await Sql(postgres).all_named("v-")
    assert ("role", lease["data"]["username"]) not in roles


async def test_a_service_reads_only_its_own_paths_and_logins(vault: Vault, name: str) -> None:
    namespace = vault.shop.namespace
    await vault.shop.start()
    await vault.shop.declare("orders", **spec(name))
    await vault.shop.declare("other", secrets=VAULT)
    for service in ("orders", "other"):
        await vault.shop.reason(service, "SecretsReady", "Available")
        data = {"data": {"key": service}}
        path = f"secret/data/{namespace}/{service}/provider"
        await vault.write(path, data)
    client = await asyncio.to_thread(vault.logged_in, "other")
    own = await vault.read(f"secret/data/{namespace}/other/provider", client)
    assert own is not None
    assert own["data"] == {"key": "other"}
    for path in (
        f"secret/data/{namespace}/orders/provider",
        vault.path("database/creds", "orders"),
        vault.path("database/config", "orders"),
        vault.path("sys/policies/acl", "other"),
    ):
        with pytest.raises(Forbidden):
            await vault.read(path, client)
    with pytest.raises(Forbidden):
        await asyncio.to_thread(
            client.write_data, f"secret/data/{namespace}/other/x", data={"data": {}}
        )


async def test_a_service_cannot_log_in_as_another(vault: Vault) -> None:
    await vault.shop.start()
    for service in ("orders", "other"):
        await vault.shop.provision(service, secrets=VAULT)
    jwt = vault.plane.kubectl("create", "token", "other", "-n", vault.shop.namespace).strip()
    role = f"{vault.shop.namespace}-orders"
    with pytest.raises((Forbidden, InvalidRequest)):
        await asyncio.to_thread(vault.client().auth.kubernetes.login, role=role, jwt=jwt)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (
            "sys/policies/acl",
            {"policy": '# minishop.dev/owner={owner}\npath "*" {{ capabilities = ["read"] }}'},
        ),
        (
            "auth/kubernetes/role",
            {"bound_service_account_names": "*", "bound_service_account_namespaces": "*"},
        ),
        (
            "auth/kubernetes/role",
            {"bound_service_account_namespace_selector": '{{"matchLabels": {{"a": "b"}}}}'},
        ),
        ("auth/kubernetes/role", {"token_bound_cidrs": "203.0.113.0/24"}),
        (
            "auth/kubernetes/role",
            {"audience": "other", "token_num_uses": 1, "token_explicit_max_ttl": 60},
        ),
        ("database/roles", {"max_ttl": 99999999}),
        ("database/roles", {"renew_statements": "SELECT 1", "rollback_statements": "SELECT 1"}),
        ("database/config", {"allowed_roles": "*", "verify_connection": False}),
    ],
)
async def test_drift_in_vault_is_put_right(
    vault: Vault, name: str, kind: str, change: dict[str, Any]
) -> None:
    await vault.shop.start()
    await vault.shop.provision("orders", **spec(name))
    path, owner = vault.path(kind, "orders"), f"{vault.shop.namespace}/orders"
    before = await vault.read(path)
    words = {
        key: value.format(owner=owner) if isinstance(value, str) else value
        for key, value in change.items()
    }
    await vault.shop.stop()  # or it might be put right before it is seen
    await vault.write(path, words)
    assert await vault.read(path) != before
    await vault.shop.start()

    async def restored() -> bool:
        return await vault.read(path) == before

    await eventually(restored)
    assert (await login(vault, "orders"))["data"]["username"]


@pytest.mark.parametrize(
    "kind", ["sys/policies/acl", "auth/kubernetes/role", "database/roles", "database/config"]
)
async def test_what_is_deleted_in_vault_is_made_again(vault: Vault, name: str, kind: str) -> None:
    await vault.shop.start()
    await vault.shop.provision("orders", **spec(name))
    await vault.shop.stop()
    await asyncio.to_thread(vault.root.delete, vault.path(kind, "orders"))
    await vault.shop.start()

    async def again() -> bool:
        return await vault.read(vault.path(kind, "orders")) is not None

    await eventually(again)
    assert (await login(vault, "orders"))["data"]["username"]


async def test_a_lost_role_of_vault_is_made_again_with_a_new_password(
    vault: Vault, postgres: Postgres, name: str
) -> None:
    await vault.shop.start()
    await vault.shop.provision("orders", **spec(name))
    await vault.shop.stop()
    maker = f"{name}_vault"
    await Sql(postgres).run(f"DROP OWNED BY {maker}", f"DROP ROLE {maker}")
    await vault.shop.start()

    async def again() -> bool:
        try:
            return bool((await login(vault, "orders"))["data"])
        except hvac.exceptions.VaultError:
            return False

    await eventually(again)


async def test_what_is_anothers_in_vault_is_left_alone(vault: Vault) -> None:
    path = vault.path("sys/policies/acl", "orders")
    theirs = {"policy": 'path "theirs" { capabilities = ["read"] }'}
    await vault.write(path, theirs)
    await vault.shop.start()
    await vault.shop.declare("orders", secrets=VAULT)
    message = await vault.shop.reason("orders", "SecretsReady", "NotOwned")
    assert "Policy" in message
    assert "somebody else" in message
    await deleted(vault.shop, "orders")
    found = await vault.read(path)
    assert (found or {})["policy"] == theirs["policy"]


async def test_a_deleted_service_leaves_nothing_in_vault_and_its_logins_end(
    vault: Vault, postgres: Postgres, name: str
) -> None:
    await vault.shop.start()
    await vault.shop.provision("orders", **spec(name))
    made = set(await external(vault.shop, "orders"))
    full = f"{vault.shop.namespace}-orders"
    assert {
        (kind, full) for kind in ("Policy", "AuthRole", "DatabaseConnection", "LoginRole")
    } <= made
    lease = await login(vault, "orders")
    session = await connect(postgres, name, lease)
    assert await sessions(postgres, lease) == 1
    await deleted(vault.shop, "orders")
    assert await sessions(postgres, lease) == 0
    session.terminate()
    for kind in ("sys/policies/acl", "auth/kubernetes/role", "database/roles", "database/config"):
        assert await vault.read(vault.path(kind, "orders")) is None
    assert await Sql(postgres).all_named(name) == set()
    assert ("role", lease["data"]["username"]) not in await Sql(postgres).all_named("v-")


async def test_going_back_to_kubernetes_takes_all_out_of_vault_and_keeps_the_database(
    vault: Vault, postgres: Postgres, name: str
) -> None:
    await vault.shop.start()
    await vault.shop.provision("orders", **spec(name))
    await vault.shop.declare("orders", **spec(name, secrets={"provider": "kubernetes"}))
    await remembers(vault.shop, "orders", {("Role", name), ("Database", name)})
    assert await vault.read(vault.path("sys/policies/acl", "orders")) is None
    assert await Sql(postgres).all_named(name) == {("role", name), ("database", name)}


async def test_pods_are_told_to_fetch_the_login_and_each_file(vault: Vault, name: str) -> None:
    namespace = vault.shop.namespace
    path = f"secret/data/{namespace}/orders/stripe"
    file = {"name": "stripe_api_key", "path": path, "key": "api_key"}
    await vault.shop.start()
    await vault.shop.declare("orders", **spec(name, secrets={**VAULT, "files": [file]}))
    message = await vault.shop.reason("orders", "SecretsReady", "SecretMissing")
    assert path in message
    await vault.write(path, {"data": {"other": "x"}})

    async def names_the_key() -> bool:
        condition = await vault.shop.condition("orders", "SecretsReady")
        return "no key api_key" in condition["message"]

    await eventually(names_the_key)
    await vault.write(path, {"data": {"api_key": "x"}})
    await vault.shop.reason("orders", "SecretsReady", "Available")
    found = await annotations(vault.shop, "orders")
    assert found["role"] == f"{namespace}-orders"
    assert f'with secret "{path}"' in found["agent-inject-template-stripe_api_key"]
    assert found["agent-inject-secret-database_url"] == vault.path("database/creds", "orders")


async def test_a_file_outside_the_services_folder_is_refused_by_name(vault: Vault) -> None:
    file = {"name": "theirs", "path": "secret/data/elsewhere/other/x", "key": "k"}
    await vault.shop.start()
    await vault.shop.declare("orders", secrets={**VAULT, "files": [file]})
    message = await vault.shop.reason("orders", "SecretsReady", "PolicyDenied")
    assert "secret/data/elsewhere/other/x" in message


async def annotations(shop: Shop, name: str) -> dict[str, str]:
    """Return the injector's annotations of a service's pods, without their prefix."""
    found: Manifest = await shop.client.get(DEPLOYMENT, shop.namespace, name)
    kept = found["spec"]["template"]["metadata"]["annotations"]
    return {key.removeprefix("vault.hashicorp.com/"): value for key, value in kept.items()}
