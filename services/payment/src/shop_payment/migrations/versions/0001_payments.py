"""Payments, refunds, provider calls, webhooks, and the tables of events and idempotency."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

from shop_shared.http.idempotency import create_idempotency_table
from shop_shared.messaging.event_tables import create_event_tables

revision = "0001"
down_revision = None

_instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("order_id", sa.Uuid, nullable=False, unique=True),
        sa.Column("customer_id", sa.Uuid),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("provider", sa.Text),
        sa.Column("method", sa.Text),
        sa.Column("method_currency", sa.Text),
        sa.Column("token", sa.Text),
        sa.Column("amount", sa.BigInteger),
        sa.Column("currency", sa.Text),
        sa.Column("pay_until", _instant),
        sa.Column("reference", sa.Text),
        sa.Column("captured", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("captured_at", _instant),
        sa.Column("abandoned", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("action", pg.JSONB),
        sa.Column("failure_reason", sa.Text),
        sa.Column("failure_message", sa.Text),
        sa.Column("created_at", _instant, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", _instant, nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("captured = 0 OR captured = amount", name="captured_is_the_amount"),
    )
    op.create_index(
        "payments_open",
        "payments",
        ["updated_at"],
        postgresql_where=sa.text("status IN ('pending', 'action_required', 'refunding')"),
    )
    op.create_index("ix_payments_reference", "payments", ["reference"])
    op.create_index("payments_of_customer", "payments", ["customer_id", "id"])
    op.create_table(
        "refunds",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("payment_id", sa.Uuid, sa.ForeignKey("payments.id"), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reference", sa.Text),
        sa.Column("automatic", sa.Boolean, nullable=False),
        sa.Column("created_at", _instant, nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("amount > 0", name="refund_is_positive"),
    )
    op.create_index("ix_refunds_payment_id", "refunds", ["payment_id"])
    op.create_table(
        "provider_calls",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("payment_id", sa.Uuid, sa.ForeignKey("payments.id"), nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("call", sa.Text, nullable=False),
        sa.Column("refund_id", sa.Uuid),
        sa.Column("claimed_amount", sa.BigInteger),
        sa.Column("claimed_currency", sa.Text),
        sa.Column("state", sa.Text, nullable=False, server_default="open"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("due_at", _instant, nullable=False, server_default=sa.func.now()),
        sa.Column("error", sa.Text),
        sa.Column("created_at", _instant, nullable=False, server_default=sa.func.now()),
    )
    op.create_index(
        "provider_calls_due",
        "provider_calls",
        ["provider", "due_at"],
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "provider_calls_in_order",
        "provider_calls",
        ["payment_id", "id"],
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "provider_calls_one_fetch_waits",
        "provider_calls",
        ["payment_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open' AND call = 'fetch' AND attempts = 0"),
    )
    op.create_index(
        "provider_calls_one_refund_each",
        "provider_calls",
        ["refund_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open' AND call = 'refund'"),
    )
    op.create_table(
        "webhooks",
        sa.Column("provider", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("payment_id", sa.Uuid),
        sa.Column("reference", sa.Text),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("received_at", _instant, nullable=False, server_default=sa.func.now()),
    )
    op.create_index("ix_webhooks_payment_id", "webhooks", ["payment_id"])
    create_event_tables(op.get_bind())
    create_idempotency_table(op.get_bind())
