"""Returns of delivered goods."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0005"
down_revision = "0004"

_instant = sa.DateTime(timezone=True)
STATUSES = "'requested', 'approved', 'refused', 'received', 'refunded', 'refund_failed'"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "returns",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("order_id", sa.Uuid, sa.ForeignKey("orders.id"), nullable=False),
        sa.Column("customer_id", sa.Uuid, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("lines", pg.JSONB, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("refund_amount", sa.BigInteger, nullable=False),
        sa.Column("refund_currency", sa.Text, nullable=False),
        sa.Column("restock", sa.Boolean),
        sa.Column("refusal", sa.Text),
        sa.Column("requested_at", _instant, nullable=False),
        sa.Column("updated_at", _instant, nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint(f"status IN ({STATUSES})", name="returns_status"),
        sa.CheckConstraint("refund_amount >= 0", name="returns_refund"),
    )
    op.create_index("returns_order", "returns", ["order_id"])
    op.create_index("returns_customer", "returns", ["customer_id", "id"])
