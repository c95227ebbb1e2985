"""A statement that fails is told without its parameters: they are of people."""

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.stores.postgres import transaction


async def test_a_failed_statement_is_told_without_its_parameters(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        with pytest.raises(sa.exc.DBAPIError, match="no_such_table") as failed:
            await connection.execute(
                sa.text("INSERT INTO no_such_table VALUES (:street)"), {"street": "12 Main St"}
            )
        assert "Main St" not in str(failed.value)
