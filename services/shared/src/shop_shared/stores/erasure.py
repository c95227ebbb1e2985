"""Deleted customers, whose personal data a service erases from its business rows after a while.

`user.deleted` is stored when it comes; a purge of the service (see `retention`) replaces names,
streets and phone numbers in rows that are settled, once the time that they are kept for is over. A
row that is not settled keeps what it needs; its data goes when it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared.clock import now
from shop_shared.stores.columns import inserted_at

ERASED = "erased"
"""What stands in place of a name and a street."""

ERASED_ADDRESS = {"name": ERASED, "line1": ERASED, "line2": None, "phone": None}
"""Merged into a stored address: city, region, postal code and country stay, for the books."""


def deleted_customers_table(metadata: sa.MetaData) -> sa.Table:
    """Add the table `deleted_customers` to metadata: one row a customer, until all is erased."""
    return sa.Table(
        "deleted_customers",
        metadata,
        sa.Column("customer_id", sa.Uuid, primary_key=True),
        inserted_at("deleted_at"),
    )


def create_deleted_customers_table(connection: sa.Connection) -> None:
    """Create `deleted_customers`, in a migration."""
    deleted_customers_table(sa.MetaData()).create(connection)


_INSERT = sa.text(
    "INSERT INTO deleted_customers (customer_id) VALUES (:customer_id) ON CONFLICT DO NOTHING"
)


async def record(connection: AsyncConnection, customer_id: UUID) -> None:
    """Store that a customer's account is deleted; a second time changes nothing."""
    await connection.execute(_INSERT, {"customer_id": customer_id})


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData:
    """Where a table with a `customer_id` keeps personal data.

    Address: a JSONB object with `name`. Settled: which rows need their data no longer. Also: what
    else is overwritten with the address.
    """

    table: sa.Table
    address: sa.Column[Any]
    settled: sa.ColumnElement[bool]
    also: Mapping[str, sa.ColumnElement[Any]] = field(default_factory=dict)


async def erase(connection: AsyncConnection, *, data: PersonalData, keep: timedelta) -> int:
    """Erase personal data in settled rows of customers deleted longer ago than `keep`.

    Return how many rows that were. Customers of whom nothing is left to erase are forgotten.
    """
    is_past = _deleted.c.deleted_at < now() - keep
    is_to_erase = sa.and_(
        data.table.c.customer_id == _deleted.c.customer_id, data.address["name"].astext != ERASED
    )
    erased = await connection.execute(
        sa.update(data.table)
        .where(is_past, is_to_erase, data.settled)
        .values(
            {
                data.address.name: data.address.op("||")(sa.cast(ERASED_ADDRESS, pg.JSONB)),
                **data.also,
            }
        )
    )
    await connection.execute(
        sa.delete(_deleted).where(is_past, ~sa.exists().where(is_to_erase).correlate(_deleted))
    )
    return erased.rowcount


_deleted = deleted_customers_table(sa.MetaData())
