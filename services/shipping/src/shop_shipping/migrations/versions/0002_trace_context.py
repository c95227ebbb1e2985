"""The trace that a parcel's calls belong to."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column."""
    op.add_column("shipments", sa.Column("traceparent", sa.Text))
