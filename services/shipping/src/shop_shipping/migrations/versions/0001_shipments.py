"""Shipments, their progress, and the tables of events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

from shop_shared.messaging.event_tables import create_event_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "shipments",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("order_id", sa.Uuid, nullable=False),
        sa.Column("customer_id", sa.Uuid, nullable=False),
        sa.Column("tracking_number", sa.Text, nullable=False),
        sa.Column("carrier", sa.Text, nullable=False),
        sa.Column("address", pg.JSONB),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True)),
        sa.Column("stop_asked", sa.Boolean, nullable=False),
        sa.Column("scanned_at", sa.DateTime(timezone=True)),
        sa.Column("location", sa.Text),
        sa.Column("failure", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("call_at", sa.DateTime(timezone=True)),
        sa.Column("call_attempts", sa.Integer, nullable=False),
        sa.CheckConstraint(
            "status IN ('created', 'dispatched', 'in_transit', 'delivered', 'failed')",
            name="shipments_status",
        ),
        sa.UniqueConstraint("order_id", name="shipments_order"),
        sa.UniqueConstraint("tracking_number", name="shipments_tracking_number"),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("shipments_customer", "shipments", ["customer_id", "id"])
    op.create_index(
        "shipments_call", "shipments", ["call_at"], postgresql_where=sa.text("call_at IS NOT NULL")
    )
    op.create_table(
        "shipment_progress",
        sa.Column("shipment_id", sa.Uuid, sa.ForeignKey("shipments.id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("location", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
    )
    op.execute("""
        CREATE FUNCTION wake_carrier_worker() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('shipment_calls', '');
            RETURN NULL;
        END $$
    """)
    # Only what is due wakes anyone: a claim's lease and a later look lie in the future. The second
    # is for clocks that differ.
    op.execute("""
        CREATE TRIGGER wake_carrier_worker AFTER INSERT OR UPDATE OF call_at ON shipments
        FOR EACH ROW WHEN (NEW.call_at <= clock_timestamp() + interval '1 second')
        EXECUTE FUNCTION wake_carrier_worker()
    """)
    create_event_tables(op.get_bind())
