"""The tables of the shipping database; the migrations make exactly these (a test compares)."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from shop_shared.messaging.inbox import inbox_table
from shop_shared.messaging.outbox import outbox_table
from shop_shared.stores.erasure import PersonalData, deleted_customers_table
from shop_shipping.domain import ENDED, Status

metadata = sa.MetaData()

shipments = sa.Table(
    "shipments",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("order_id", sa.Uuid, nullable=False),
    sa.Column("order_number", sa.Text),
    sa.Column("customer_id", sa.Uuid, nullable=False),
    sa.Column("tracking_number", sa.Text, nullable=False),
    sa.Column("carrier", sa.Text, nullable=False),
    sa.Column("address", pg.JSONB(none_as_null=True)),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("booked_at", sa.DateTime(timezone=True)),
    sa.Column("stop_asked", sa.Boolean, nullable=False),
    sa.Column("scanned_at", sa.DateTime(timezone=True)),
    sa.Column("location", sa.Text),
    sa.Column("failure", sa.Text),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    # The intent to call the carrier (ADR 0043): when, and how often it was tried in vain.
    sa.Column("call_at", sa.DateTime(timezone=True)),
    sa.Column("call_attempts", sa.Integer, nullable=False),
    # Of the event that sent the parcel: the calls belong to the order's trace.
    sa.Column("traceparent", sa.Text),
    sa.CheckConstraint(
        "status IN ({})".format(", ".join(f"'{status}'" for status in Status)),
        name="shipments_status",
    ),
    sa.UniqueConstraint("order_id", name="shipments_order"),
    sa.UniqueConstraint("tracking_number", name="shipments_tracking_number"),
    sa.Index("shipments_customer", "customer_id", "id"),
    sa.Index("shipments_call", "call_at", postgresql_where=sa.text("call_at IS NOT NULL")),
    postgresql_with={"fillfactor": "70"},
)

shipment_progress = sa.Table(
    "shipment_progress",
    metadata,
    sa.Column("shipment_id", sa.Uuid, sa.ForeignKey("shipments.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("location", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("source", sa.Text, nullable=False),
)

deleted_customers = deleted_customers_table(metadata)
outbox = outbox_table(metadata)
inbox = inbox_table(metadata)

PERSONAL_DATA = PersonalData(
    table=shipments, address=shipments.c.address, settled=shipments.c.status.in_(ENDED)
)
