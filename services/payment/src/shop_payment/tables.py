"""The tables of the payment database; the migrations make exactly these (a test compares)."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from shop_shared.http.idempotency import idempotency_table
from shop_shared.messaging.inbox import inbox_table
from shop_shared.messaging.outbox import outbox_table

metadata = sa.MetaData()
outbox = outbox_table(metadata)
inbox = inbox_table(metadata)
idempotency_keys = idempotency_table(metadata)

_instant = sa.DateTime(timezone=True)

payments = sa.Table(
    "payments",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    # Of the order that it is to pay, which has one such payment; once another attempt has
    # superseded it, its order is in superseded_order_id. So a version without attempts, which
    # knows of one payment an order, may go on while it is replaced.
    sa.Column("order_id", sa.Uuid, unique=True),
    sa.Column("superseded_order_id", sa.Uuid, index=True),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="1"),
    sa.Column("order_number", sa.Text),
    sa.Column("customer_id", sa.Uuid),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("provider", sa.Text),
    sa.Column("method", sa.Text),
    sa.Column("method_currency", sa.Text),
    sa.Column("token", sa.Text),
    sa.Column("amount", sa.BigInteger),
    sa.Column("currency", sa.Text),
    sa.Column("pay_until", _instant),
    sa.Column("reference", sa.Text, index=True),
    sa.Column("captured", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("captured_at", _instant),
    sa.Column("abandoned", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("action", pg.JSONB),
    sa.Column("failure_reason", sa.Text),
    sa.Column("failure_message", sa.Text),
    sa.Column("disputed_at", _instant),
    sa.Column("settled_at", _instant),
    sa.Column("wrong_charges", pg.ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("created_at", _instant, nullable=False, server_default=sa.func.now()),
    sa.Column("updated_at", _instant, nullable=False, server_default=sa.func.now()),
    # Of the event that began it: its calls belong to the order's trace, whoever wants them.
    sa.Column("traceparent", sa.Text),
    sa.CheckConstraint(
        "num_nonnulls(order_id, superseded_order_id) = 1", name="payment_has_one_order"
    ),
    sa.CheckConstraint("captured = 0 OR captured = amount", name="captured_is_the_amount"),
    sa.Index("payments_of_customer", "customer_id", "id"),
    sa.Index(
        "payments_open",
        "updated_at",
        postgresql_where=sa.text("status IN ('pending', 'action_required', 'refunding')"),
    ),
    sa.Index(
        "payments_of_a_wrong_amount",
        "id",
        postgresql_where=sa.text("failure_reason = 'amount_mismatch'"),
    ),
)

refunds = sa.Table(
    "refunds",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("payment_id", sa.Uuid, sa.ForeignKey("payments.id"), nullable=False, index=True),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("reference", sa.Text),
    sa.Column("automatic", sa.Boolean, nullable=False),
    sa.Column("elsewhere", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("created_at", _instant, nullable=False, server_default=sa.func.now()),
    sa.Column("came_back_at", _instant),
    sa.CheckConstraint("amount > 0", name="refund_is_positive"),
    sa.Index("refunds_failed", "payment_id", postgresql_where=sa.text("status = 'failed'")),
)

duplicate_charges = sa.Table(
    "duplicate_charges",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("payment_id", sa.Uuid, sa.ForeignKey("payments.id"), nullable=False, index=True),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("refund_reference", sa.Text),
    sa.Column("created_at", _instant, nullable=False, server_default=sa.func.now()),
    sa.UniqueConstraint("payment_id", "reference"),
)

provider_calls = sa.Table(
    "provider_calls",
    metadata,
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
    # The charge that a webhook named.
    sa.Column("reported_reference", sa.Text),
    # Since when the call may have had an effect that nobody has seen.
    sa.Column("unknown_since", _instant),
    sa.Column("created_at", _instant, nullable=False, server_default=sa.func.now()),
    sa.Index(
        "provider_calls_due", "provider", "due_at", postgresql_where=sa.text("state = 'open'")
    ),
    sa.Index(
        "provider_calls_in_order", "payment_id", "id", postgresql_where=sa.text("state = 'open'")
    ),
    sa.Index("provider_calls_unknown", "payment_id", postgresql_where=sa.text("state = 'unknown'")),
    # A hint that waits already says all that another one about the same charge would.
    sa.Index(
        "provider_calls_one_fetch_waits",
        "payment_id",
        sa.text("coalesce(reported_reference, '')"),
        unique=True,
        postgresql_where=sa.text("state = 'open' AND call = 'fetch' AND attempts = 0"),
    ),
    # One that comes while a call is in hand is kept: that call may have asked too early.
    sa.Index(
        "provider_calls_one_refund_waits",
        "refund_id",
        unique=True,
        postgresql_where=sa.text("state = 'open' AND call = 'refund' AND attempts = 0"),
    ),
)

sa.Index(
    "provider_calls_one_fetch_of_refunds_waits",
    provider_calls.c.payment_id,
    unique=True,
    postgresql_where=sa.text("state = 'open' AND call = 'fetch_refunds' AND attempts = 0"),
)

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("provider", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("payment_id", sa.Uuid, index=True),
    sa.Column("reference", sa.Text),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("received_at", _instant, nullable=False, server_default=sa.func.now(), index=True),
)
