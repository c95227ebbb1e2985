"""The refund by which a return's money went back, where staff made it by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column; returns from before have none."""
    op.add_column("returns", sa.Column("settled_by", sa.Uuid))
