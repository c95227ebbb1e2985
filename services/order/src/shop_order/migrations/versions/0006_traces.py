"""The trace in which an order changed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; changes from before have none."""
    op.add_column("order_history", sa.Column("trace_id", sa.Text))
