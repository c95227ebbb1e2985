"""Which way to pay an order is at, and why the last one failed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns."""
    op.add_column(
        "orders", sa.Column("payment_attempt", sa.Integer, nullable=False, server_default="1")
    )
    op.add_column("orders", sa.Column("payment_failure", pg.JSONB))
