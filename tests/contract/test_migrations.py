"""Migrations make exactly the tables that the code uses, and made again they change nothing."""

import asyncio
from importlib import import_module

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from contract.services import SERVICES, Member
from contract.stores import Stores
from shop_shared.stores import migrations
from shop_shared.stores.postgres import create_engine

WITH_TABLES = [SERVICES[n] for n in ("user", "order", "payment", "shipping", "notification")]


@pytest.mark.parametrize("member", WITH_TABLES, ids=str)
def test_the_migrations_make_the_tables_that_the_code_uses(member: Member, stores: Stores) -> None:
    settings = stores.settings(member)  # which migrates
    metadata: sa.MetaData = import_module(f"shop_{member.name}.tables").metadata

    def differences(connection: sa.Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    async def look() -> list[object]:
        engine = create_engine(settings)
        async with engine.connect() as connection:
            found = await connection.run_sync(differences)
        await engine.dispose()
        return found

    assert asyncio.run(look()) == []
    migrations.run(settings, f"shop_{member.name}")
    assert asyncio.run(look()) == []
