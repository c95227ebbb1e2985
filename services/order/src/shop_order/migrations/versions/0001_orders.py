"""Orders, their history, and the tables of events and idempotency."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

from shop_shared.http.idempotency import create_idempotency_table
from shop_shared.messaging.event_tables import create_event_tables

revision = "0001"
down_revision = None

STATUSES = (
    "'pending', 'reserved', 'paid', 'cancelling', 'shipped', 'delivered',"
    " 'rejected', 'cancelled', 'expired', 'refunded'"
)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("customer_id", sa.Uuid, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
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
        sa.Column("deadline", sa.DateTime(timezone=True)),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(f"status IN ({STATUSES})", name="orders_status"),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("orders_customer", "orders", ["customer_id", "id"])
    op.create_index(
        "orders_deadline", "orders", ["deadline"], postgresql_where=sa.text("deadline IS NOT NULL")
    )
    op.create_table(
        "order_history",
        sa.Column("order_id", sa.Uuid, sa.ForeignKey("orders.id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("previous", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text),
        sa.Column("actor", sa.Uuid),
        sa.Column("reason", sa.Text),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    create_event_tables(op.get_bind())
    create_idempotency_table(op.get_bind())
