"""Payments that a person has to look at, found without reading all of them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the indexes; those without an answer are in payments_open."""
    op.create_index(
        "payments_of_a_wrong_amount",
        "payments",
        ["id"],
        postgresql_where=sa.text("failure_reason = 'amount_mismatch'"),
    )
    op.create_index(
        "refunds_failed", "refunds", ["payment_id"], postgresql_where=sa.text("status = 'failed'")
    )
