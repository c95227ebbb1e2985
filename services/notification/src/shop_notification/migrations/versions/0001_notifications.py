"""Recipients, preferences, devices, messages and their attempts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

from shop_shared.http.idempotency import create_idempotency_table
from shop_shared.messaging.inbox import inbox_table

revision = "0001"
down_revision = None

_instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "recipients",
        sa.Column("user_id", sa.Uuid, primary_key=True),
        sa.Column("email", sa.Text),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("phone", sa.Text),
        sa.Column("locale", sa.Text, nullable=False),
    )
    op.create_table(
        "preferences",
        sa.Column("user_id", sa.Uuid, primary_key=True),
        sa.Column("off", pg.JSONB, nullable=False),
        sa.Column("quiet_from", sa.Time),
        sa.Column("quiet_until", sa.Time),
        sa.Column("timezone", sa.Text, nullable=False),
    )
    op.create_table(
        "devices",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("token", sa.Text, nullable=False, unique=True),
        sa.Column("platform", sa.Text, nullable=False),
    )
    op.create_index("ix_devices_user_id", "devices", ["user_id"])
    op.create_table(
        "notifications",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("data", pg.JSONB, nullable=False),
        sa.Column("destination", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("due_at", _instant, nullable=False, server_default=sa.func.now()),
        sa.Column("created_at", _instant, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", _instant, nullable=False, server_default=sa.func.now()),
        sa.UniqueConstraint("event_id", "channel", name="one_message_an_event_and_channel"),
    )
    op.create_index("notifications_of_user", "notifications", ["user_id", "id"])
    op.create_index(
        "notifications_due",
        "notifications",
        ["due_at"],
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "notifications_unsettled",
        "notifications",
        ["updated_at"],
        postgresql_where=sa.text("status IN ('queued', 'retrying', 'sending')"),
    )
    op.create_table(
        "attempts",
        sa.Column("notification_id", sa.Uuid, sa.ForeignKey("notifications.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", _instant, nullable=False, server_default=sa.func.now()),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    inbox_table(sa.MetaData()).create(op.get_bind())
    create_idempotency_table(op.get_bind())
