"""Deleted customers, whose personal data a service erases from its business rows after a while.

`user.deleted` is stored when it comes; a purge of the service (see `retention`) replaces names,
streets and phone numbers in rows that are settled, once the time that they are kept for is over.
"""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

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
        sa.Column(
            "deleted_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.now(),
            index=True,
        ),
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
