"""Roles and publications in PostgreSQL that somebody changed are put right."""

from typing import Any

import asyncpg
import pytest
from shop_servers.servers import Postgres

from .outside import Sql, password
from .shop import Shop, eventually
from .test_capture_lost import streaming, whole

__all__ = ["streaming"]
_ATTRIBUTES = (
    "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication "
    "FROM pg_roles WHERE rolname = $1"
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
