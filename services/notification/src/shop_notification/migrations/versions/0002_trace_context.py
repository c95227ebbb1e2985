"""The trace that a message belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column."""
    op.add_column("notifications", sa.Column("traceparent", sa.Text))
