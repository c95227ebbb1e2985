"""A statement that fails is told without what it is about: its values are of people."""

import traceback

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.stores.postgres import transaction

STREET = {"street": "12 Main St"}


async def test_a_failed_statement_is_told_without_its_parameters(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        with pytest.raises(sa.exc.DBAPIError, match="no_such_table") as failed:
            await connection.execute(sa.text("INSERT INTO no_such_table VALUES (:street)"), STREET)
        assert "Main St" not in str(failed.value)


@pytest.mark.parametrize(
    ("twice", "broken"),
    [
        ("INSERT INTO people VALUES (:street, 1)", "people_street_key"),
        ("INSERT INTO people VALUES (:street, NULL)", "age"),
        ("INSERT INTO people VALUES (:street, -1)", "people_age_check"),
    ],
)
async def test_it_is_told_without_the_values_of_its_row(
    engine: AsyncEngine, twice: str, broken: str
) -> None:
    """PostgreSQL's DETAIL names them, which a traceback has from the driver's own exception."""
    table = "(street text UNIQUE, age integer NOT NULL CHECK (age > 0))"

    async def run() -> None:
        async with transaction(engine) as connection:
            await connection.execute(sa.text(f"CREATE TEMPORARY TABLE people {table}"))
            for _ in range(2):
                await connection.execute(sa.text(twice), STREET)

    with pytest.raises(sa.exc.IntegrityError, match=broken) as failed:
        await run()
    told = "".join(traceback.format_exception(failed.value))
    assert "asyncpg.exceptions" in told
    assert "Main St" not in told
