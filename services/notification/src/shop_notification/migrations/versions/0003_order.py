"""The order that a message is about."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column and its index; messages from before it are about no order."""
    op.add_column("notifications", sa.Column("order_id", sa.Uuid))
    op.create_index(
        "notifications_of_order",
        "notifications",
        ["order_id", "id"],
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )
