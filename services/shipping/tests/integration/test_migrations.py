import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared import migrations
from shop_shipping.settings import Settings
from shop_shipping.tables import metadata

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _differences(connection: sa.Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


async def test_the_migrations_make_the_tables_that_the_code_uses(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []


async def test_migrating_again_changes_nothing(settings: Settings, engine: AsyncEngine) -> None:
    await migrations.upgrade(settings, "shop_shipping")
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
