"""A service's pool, as services have it, on logins that a real OpenBao gives out and ends."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from shop_servers.servers import Postgres
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.settings import ServiceSettings
from shop_shared.stores.postgres import create_engine, transaction

from .outside import Sql, remembers
from .shop import eventually
from .test_vault import connect, login, revoke, spec
from .vault import Vault, vault

__all__ = ["vault"]
WORKERS = 8
TRAP = """
CREATE TABLE caught (who text);
GRANT INSERT ON caught TO PUBLIC;
CREATE FUNCTION pg_terminate_backend(integer, integer) RETURNS boolean LANGUAGE sql AS
$$ INSERT INTO public.caught VALUES (current_user); SELECT true $$;
"""
"""A function that fits better than the catalogue's own, whose second argument is a bigint."""


class Pod:
    """A service's pool of connections and the file that Vault's agent writes for it."""

    def __init__(self, engine: AsyncEngine, file: Path, vault: Vault, at: str) -> None:
        self.engine, self.file = engine, file
        self._vault, self._at = vault, at

    async def fetch(self) -> dict[str, Any]:
        """Get a lease and write its login to the file, as the agent does; return the lease."""
        lease = await login(self._vault, "orders")
        self.write(lease)
        return lease

    def write(self, lease: dict[str, Any]) -> None:
        """Put a login's file in place of the one before, in one step."""
        data, new = lease["data"], self.file.with_suffix(".new")
        new.write_text(f"postgresql://{data['username']}:{data['password']}@{self._at}")
        new.rename(self.file)

    async def order(self) -> str:
        """Work as a request does, in a transaction of some statements; return whose session."""
        async with transaction(self.engine) as connection:
            user = await connection.scalar(sa.text("SELECT session_user"))
            await connection.execute(sa.text("INSERT INTO orders VALUES (1)"))
            await connection.execute(sa.text("SELECT pg_sleep(0.02)"))
        return str(user)


@pytest.fixture
async def pod(
    vault: Vault, postgres: Postgres, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Pod]:
    folder = tmp_path / "secrets"
    folder.mkdir()
    monkeypatch.setenv("SECRETS_DIR", str(folder))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    await vault.shop.start()
    await vault.shop.provision("orders", **spec(name))
    at = urlsplit(postgres.url)
    file = folder / "database_url"
    file.write_text("postgresql://not@127.0.0.1/yet")
    settings = ServiceSettings(
        database_url=SecretStr(file.read_text()), database_pool_size=WORKERS // 2
    )
    found = Pod(create_engine(settings), file, vault, f"{at.hostname}:{at.port}/{name}")
    yield found
    await found.engine.dispose()


@dataclass
class Orders:
    """Whose sessions did each order, and the last one of each worker."""

    users: list[str] = field(default_factory=list)
    last: dict[int, str] = field(default_factory=dict)

    async def are_by(self, lease: dict[str, Any]) -> None:
        """Wait until each worker's last order was by this lease's login."""

        async def reached() -> bool:
            by = lease["data"]["username"]
            return [self.last.get(worker) for worker in range(WORKERS)] == [by] * WORKERS

        await eventually(reached, why=lambda: str(self.last))


@contextlib.asynccontextmanager
async def load(pod: Pod) -> AsyncIterator[Orders]:
    """Order without a pause. Fails with the first failed order."""
    stop, orders = asyncio.Event(), Orders()

    async def work(number: int) -> None:
        while not stop.is_set():
            orders.last[number] = await pod.order()
            orders.users.append(orders.last[number])

    async with asyncio.TaskGroup() as tasks:
        for number in range(WORKERS):
            tasks.create_task(work(number))
        yield orders
        stop.set()


async def test_no_order_fails_while_the_login_changes_and_the_old_lease_is_ended(
    pod: Pod, vault: Vault
) -> None:
    lease = await pod.fetch()
    async with transaction(pod.engine) as connection:
        await connection.execute(sa.text("CREATE TABLE orders (id int)"))
    async with load(pod) as orders:
        for _ in range(3):
            await orders.are_by(lease)
            old, lease = lease, await pod.fetch()
            await orders.are_by(lease)
            await revoke(vault, old)
    assert old["data"]["username"] in orders.users
    assert set(orders.last.values()) == {lease["data"]["username"]}
    async with transaction(pod.engine) as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM orders")) == len(orders.users)


async def test_after_a_lease_was_ended_orders_wait_for_the_next_login(
    pod: Pod, vault: Vault
) -> None:
    lease = await pod.fetch()
    async with transaction(pod.engine) as connection:
        await connection.execute(sa.text("CREATE TABLE orders (id int)"))
    await asyncio.gather(*(pod.order() for _ in range(WORKERS)))  # the pool is full
    new = await login(vault, "orders")  # is not yet in the file
    await revoke(vault, lease)
    orders = [asyncio.create_task(pod.order()) for _ in range(WORKERS)]
    await asyncio.sleep(1.5)
    assert not any(order.done() for order in orders)
    pod.write(new)
    assert set(await asyncio.gather(*orders)) == {new["data"]["username"]}


async def test_nothing_of_a_database_s_owner_runs_as_the_role_that_ends_its_logins(
    vault: Vault, postgres: Postgres, name: str
) -> None:
    await vault.shop.start()
    await vault.shop.provision("orders", **spec(name))
    lease = await login(vault, "orders")
    session = await connect(postgres, name, lease)
    await session.execute(TRAP)
    await revoke(vault, lease)
    session.terminate()
    async with Sql(postgres).admin(name) as inside:
        assert await inside.fetch("SELECT who FROM caught") == []


async def test_a_login_that_postgresql_lost_keeps_nothing_waiting(
    vault: Vault, postgres: Postgres, name: str
) -> None:
    await vault.shop.start()
    await vault.shop.provision("orders", **spec(name))
    lease, other = await login(vault, "orders"), await login(vault, "orders")
    # As after a restore: of Vault's logins no backup knows.
    async with Sql(postgres).admin() as admin:
        for each in (lease, other):
            await admin.execute(f'DROP ROLE "{each["data"]["username"]}"')
    await revoke(vault, lease)
    # As an operator of another version left it.
    role = vault.path("database/roles", "orders")
    failing = {"revocation_statements": ['DROP ROLE "{{name}}"']}
    await asyncio.to_thread(vault.root.write_data, role, data=failing)
    await vault.shop.declare("orders", **spec(name, secrets={"provider": "kubernetes"}))
    await remembers(vault.shop, "orders", {("Role", name), ("Database", name)})
    assert await vault.read(role) is None


async def test_a_login_that_never_comes_is_an_error_in_time(pod: Pod, vault: Vault) -> None:
    await revoke(vault, await pod.fetch())
    began = time.monotonic()
    with pytest.raises(Exception, match=r"password authentication failed|does not exist"):
        await pod.order()
    assert 7 < time.monotonic() - began < 60


async def test_the_root_login_is_changed_under_load(
    pod: Pod, vault: Vault, postgres: Postgres, name: str
) -> None:
    """The connection's own password changes with a rotation; leases live on, new ones are given."""
    from .rotations import request  # noqa: PLC0415 - it names its service the same

    lease = await pod.fetch()
    async with transaction(pod.engine) as connection:
        await connection.execute(sa.text("CREATE TABLE orders (id int)"))
    stored = "SELECT rolpassword FROM pg_authid WHERE rolname = $1"
    async with Sql(postgres).admin() as admin, load(pod) as orders:
        before = await admin.fetchval(stored, f"{name}_vault")
        await request(vault.shop, "2030-01-01T00:00:01Z")
        while await admin.fetchval(stored, f"{name}_vault") == before:
            await asyncio.sleep(0.1)
        await vault.shop.reason("orders", "SecretsReady", "Available")
        await orders.are_by(lease)
        lease = await pod.fetch()
        await orders.are_by(lease)
