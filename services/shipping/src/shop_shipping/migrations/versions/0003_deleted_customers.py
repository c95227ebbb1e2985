"""Customers whose accounts are deleted, until their data is erased here."""

from alembic import op

from shop_shared.stores.erasure import create_deleted_customers_table

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table."""
    create_deleted_customers_table(op.get_bind())
