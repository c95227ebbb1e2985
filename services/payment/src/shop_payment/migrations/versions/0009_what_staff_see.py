"""What of a payment staff had to look for in logs: refunds made elsewhere, and disputes."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add both; a refund that succeeded and has no id at its provider was made elsewhere."""
    op.add_column(
        "refunds", sa.Column("elsewhere", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.execute(
        "UPDATE refunds SET elsewhere = true WHERE status = 'succeeded' AND reference IS NULL"
    )
    op.add_column("payments", sa.Column("disputed_at", sa.DateTime(timezone=True)))
    op.execute(
        "UPDATE payments SET disputed_at = told.at FROM (SELECT payment_id, max(received_at) AS at"
        " FROM webhooks WHERE outcome = 'dispute' GROUP BY payment_id) AS told"
        " WHERE told.payment_id = payments.id"
    )
