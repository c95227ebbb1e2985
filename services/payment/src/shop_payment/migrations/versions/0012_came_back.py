"""When a refund came back after it had succeeded: what was given back before stands not for it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the column; refunds from before have none."""
    op.add_column("refunds", sa.Column("came_back_at", sa.DateTime(timezone=True)))
