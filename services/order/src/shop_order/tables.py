"""The tables of the order database; the migrations make exactly these (a test compares)."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from shop_order.domain import Status
from shop_order.domain.returns import ReturnStatus
from shop_shared.http.idempotency import idempotency_table
from shop_shared.messaging.inbox import inbox_table
from shop_shared.messaging.outbox import outbox_table
from shop_shared.stores.erasure import PersonalData, deleted_customers_table

metadata = sa.MetaData()

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    # Numbered by the database where a version without numbers places an order, in an upgrade.
    sa.Column("number", sa.Text, nullable=False, server_default=sa.text("new_order_number()")),
    sa.Column("customer_id", sa.Uuid, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    # Read and written whole, never searched: one row an order, one write a change (ADR 0041).
    sa.Column("lines", pg.JSONB, nullable=False),
    sa.Column("payment", pg.JSONB, nullable=False),
    sa.Column("shipping_address", pg.JSONB, nullable=False),
    sa.Column("total_amount", sa.BigInteger),
    sa.Column("total_currency", sa.Text),
    sa.Column("captured_amount", sa.BigInteger),
    sa.Column("captured_currency", sa.Text),
    sa.Column("refunded_amount", sa.BigInteger, nullable=False),
    sa.Column("cancel_reason", sa.Text),
    sa.Column("tracking_number", sa.Text),
    sa.Column("payment_attempt", sa.Integer, nullable=False, server_default="1"),
    sa.Column("payment_failure", pg.JSONB(none_as_null=True)),
    sa.Column("deadline", sa.DateTime(timezone=True)),
    sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint(
        "status IN ({})".format(", ".join(f"'{status}'" for status in Status)), name="orders_status"
    ),
    sa.UniqueConstraint("number", name="orders_number"),
    sa.Index("orders_customer", "customer_id", "id"),
    sa.Index("orders_deadline", "deadline", postgresql_where=sa.text("deadline IS NOT NULL")),
    # Room on each page for the next version of a row (a heap-only update touches no index).
    postgresql_with={"fillfactor": "70"},
)

order_history = sa.Table(
    "order_history",
    metadata,
    sa.Column("order_id", sa.Uuid, sa.ForeignKey("orders.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("previous", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("event_id", sa.Text),
    sa.Column("actor", sa.Uuid),
    sa.Column("reason", sa.Text),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("trace_id", sa.Text),
)

deleted_customers = deleted_customers_table(metadata)
returns = sa.Table(
    "returns",
    metadata,
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
    sa.Column("settled_by", sa.Uuid),
    sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column(
        "updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
    ),
    sa.CheckConstraint(
        "status IN ({})".format(", ".join(f"'{status}'" for status in ReturnStatus)),
        name="returns_status",
    ),
    sa.CheckConstraint("refund_amount >= 0", name="returns_refund"),
    sa.Index("returns_order", "order_id"),
    sa.Index("returns_customer", "customer_id", "id"),
)

outbox = outbox_table(metadata)
inbox = inbox_table(metadata)
idempotency_keys = idempotency_table(metadata)

PERSONAL_DATA = PersonalData(
    table=orders,
    address=orders.c.shipping_address,
    settled=sa.or_(
        orders.c.status.in_([Status.DELIVERED, Status.REFUNDED]),
        sa.and_(
            orders.c.status.in_([Status.REJECTED, Status.CANCELLED, Status.EXPIRED]),
            sa.func.coalesce(orders.c.captured_amount, 0) <= orders.c.refunded_amount,
        ),
    ),
    also={"payment": orders.c.payment.op("||")(sa.cast({"token": None}, pg.JSONB))},
)
