"""Several attempts to pay for an order, of which the newest counts."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns; order_id stays unique, and is empty of superseded attempts."""
    op.add_column("payments", sa.Column("superseded_order_id", sa.Uuid))
    op.add_column("payments", sa.Column("attempt", sa.Integer, nullable=False, server_default="1"))
    op.alter_column("payments", "order_id", nullable=True)
    op.create_check_constraint(
        "payment_has_one_order", "payments", "num_nonnulls(order_id, superseded_order_id) = 1"
    )
    op.create_index("ix_payments_superseded_order_id", "payments", ["superseded_order_id"])
