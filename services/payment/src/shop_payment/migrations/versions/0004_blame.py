"""Calls whose outcome is unknown, second charges, and webhooks that can be purged by their age."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns, the table and the indexes."""
    op.add_column("provider_calls", sa.Column("reported_reference", sa.Text))
    op.add_column("provider_calls", sa.Column("unknown_since", _instant))
    op.create_index(
        "provider_calls_unknown",
        "provider_calls",
        ["payment_id"],
        postgresql_where=sa.text("state = 'unknown'"),
    )
    op.drop_index("provider_calls_one_fetch_waits", "provider_calls")
    op.create_index(
        "provider_calls_one_fetch_waits",
        "provider_calls",
        ["payment_id", sa.text("coalesce(reported_reference, '')")],
        unique=True,
        postgresql_where=sa.text("state = 'open' AND call = 'fetch' AND attempts = 0"),
    )
    op.create_index(
        "provider_calls_one_fetch_of_refunds_waits",
        "provider_calls",
        ["payment_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open' AND call = 'fetch_refunds' AND attempts = 0"),
    )
    # A call that was tried may have had its effect: what ran before this column could not say.
    op.execute(
        "UPDATE provider_calls SET unknown_since = created_at WHERE state = 'open' AND attempts > 0"
    )
    op.create_index("ix_webhooks_received_at", "webhooks", ["received_at"])
    op.create_table(
        "duplicate_charges",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("payment_id", sa.Uuid, sa.ForeignKey("payments.id"), nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("refund_reference", sa.Text),
        sa.Column("created_at", _instant, nullable=False, server_default=sa.func.now()),
        sa.UniqueConstraint("payment_id", "reference"),
    )
    op.create_index("ix_duplicate_charges_payment_id", "duplicate_charges", ["payment_id"])
