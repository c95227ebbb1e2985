"""Roles and publications in PostgreSQL that somebody changed are put right."""

from typing import Any

import asyncpg
import pytest
from shop_servers.servers import Postgres

from .outside import Sql, password
from .rotations import phase, request, running
from .shop import Shop, eventually
from .test_capture_lost import streaming, whole
from .test_vault import spec as spec_with_vault
from .vault import Vault, vault

__all__ = ["streaming", "vault"]
_ATTRIBUTES = (
    "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication "
    "FROM pg_roles WHERE rolname = $1"
)
_LOGIN = (
    "SELECT rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication, "
    "coalesce(rolvaliduntil, 'infinity') > now() AS is_valid, rolconfig, "
    "(SELECT array_agg(DISTINCT roleid::regrole::text || admin_option) FROM pg_auth_members "
    "WHERE member = r.oid) AS groups "
    "FROM pg_roles r WHERE rolname = $1"
)


async def attributes(postgres: Postgres, role: str) -> Any:
    """Return what a role may do beside what was granted to it."""
    async with Sql(postgres).admin() as admin:
        return await admin.fetchrow(_ATTRIBUTES, role)


@pytest.mark.parametrize(
    ("suffix", "change"),
    [
        ("", "SUPERUSER CREATEDB CREATEROLE BYPASSRLS REPLICATION"),
        ("_cdc", "NOREPLICATION"),
        ("_cdc", "SUPERUSER"),
    ],
)
async def test_attributes_of_a_role_are_put_right(
    sql: Shop, postgres: Postgres, name: str, suffix: str, change: str
) -> None:
    await sql.start()
    await sql.declare("orders", **whole(name))
    await sql.reason("orders", "DatabaseReady", "Available")
    role = f"{name}{suffix}"
    before = await attributes(postgres, role)
    await sql.stop()  # or it might be put right before it is seen
    await Sql(postgres).run(f'ALTER ROLE "{role}" {change}')
    assert await attributes(postgres, role) != before
    await sql.start()

    async def restored() -> bool:
        return bool(await attributes(postgres, role) == before)

    await eventually(restored)


async def test_a_role_that_expired_logs_in_again(sql: Shop, postgres: Postgres, name: str) -> None:
    await sql.start()
    await sql.declare("orders", **whole(name))
    await sql.reason("orders", "DatabaseReady", "Available")
    await sql.stop()
    await Sql(postgres).run(f"""ALTER ROLE "{name}" VALID UNTIL '2020-01-01'""")
    secret = await password(sql, "orders")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await Sql(postgres).connect(name, secret)
    await sql.start()

    async def logs_in() -> bool:
        try:
            connection = await Sql(postgres).connect(name, secret)
        except asyncpg.InvalidPasswordError:
            return False
        await connection.close()
        return True

    await eventually(logs_in)


async def test_an_owner_without_rights_on_its_database_has_them_again(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    await sql.start()
    await sql.declare("orders", **whole(name))
    await sql.reason("orders", "DatabaseReady", "Available")
    await sql.stop()
    await Sql(postgres).run(f'REVOKE ALL ON DATABASE "{name}" FROM "{name}"')
    secret = await password(sql, "orders")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await Sql(postgres).connect(name, secret)
    await sql.start()

    async def has_all() -> bool:
        async with Sql(postgres).admin() as admin:
            of = "SELECT datacl::text FROM pg_database WHERE datname = $1"
            return f"{name}=CTc/" in await admin.fetchval(of, name)

    await eventually(has_all)
    await (await Sql(postgres).connect(name, secret)).close()


async def test_debezium_without_the_outbox_s_schema_has_it_again(
    streaming: Shop, postgres: Postgres, name: str
) -> None:
    hardened = f'REVOKE USAGE ON SCHEMA public FROM PUBLIC, "{name}_cdc"'
    await Sql(postgres).run(hardened, database=name)

    async def reads() -> bool:
        capture = await Sql(postgres).capture(streaming, "lost", name)
        try:
            await capture.fetch("SELECT * FROM public.outbox")
        except asyncpg.InsufficientPrivilegeError:
            return False
        finally:
            await capture.close()
        return True

    await eventually(reads)


async def login_put_right(shop: Shop, postgres: Postgres, role: str, change: str) -> None:
    """Change a role by hand while no operator runs, and wait until it is as it was."""

    async def live() -> Any:
        async with Sql(postgres).admin() as admin:
            return await admin.fetchrow(_LOGIN, role)

    before = await live()
    await shop.stop()
    await Sql(postgres).run(change)
    assert await live() != before
    await shop.start()

    async def restored() -> bool:
        return bool(await live() == before)

    await eventually(restored)


@pytest.mark.parametrize(
    "change",
    [
        'ALTER ROLE "{role}" SUPERUSER CREATEDB',
        'ALTER ROLE "{role}" NOLOGIN',
        'ALTER ROLE "{role}" RESET role',
        'REVOKE "{owner}" FROM "{role}"',
    ],
)
async def test_the_second_login_is_put_right(
    sql: Shop, postgres: Postgres, name: str, change: str
) -> None:
    database = {"kind": "postgres", "name": name, "onDelete": "Drop"}
    await running(sql, database=database)
    await request(sql, "2030-01-01T00:00:01Z")
    await phase(sql, "RollingOut")
    role = f"{name}_alt"
    await login_put_right(sql, postgres, role, change.format(role=role, owner=name))


@pytest.mark.parametrize(
    "change",
    [
        'ALTER ROLE "{role}" SUPERUSER CREATEDB BYPASSRLS REPLICATION',
        'ALTER ROLE "{role}" NOLOGIN NOCREATEROLE',
        """ALTER ROLE "{role}" VALID UNTIL '2020-01-01'""",
        'REVOKE "{owner}", pg_signal_backend FROM "{role}"',
        'REVOKE ADMIN OPTION FOR "{owner}" FROM "{role}"',
    ],
)
async def test_the_role_that_makes_logins_is_put_right(
    vault: Vault, postgres: Postgres, name: str, change: str
) -> None:
    await vault.shop.start()
    await vault.shop.provision("orders", **spec_with_vault(name))
    role = f"{name}_vault"
    await login_put_right(vault.shop, postgres, role, change.format(role=role, owner=name))


async def test_a_publication_that_leaves_inserts_out_is_put_right(
    streaming: Shop, postgres: Postgres, name: str
) -> None:
    """Debezium would go on, and no event of the outbox would be among what it reads."""
    admin = Sql(postgres)
    await admin.run(
        f"""ALTER PUBLICATION "{name}_outbox" SET (publish = 'update')""", database=name
    )

    async def of_inserts() -> bool:
        async with admin.admin(name) as inside:
            row = await inside.fetchrow("SELECT pubinsert, pubupdate FROM pg_publication")
        return bool(row["pubinsert"] and not row["pubupdate"])

    await eventually(of_inserts)
