"""Money of another amount that staff have sorted out with the provider."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add when that was; the version before lists such a payment as long as it runs."""
    op.add_column("payments", sa.Column("settled_at", sa.DateTime(timezone=True)))
