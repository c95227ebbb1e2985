"""The tables of the notification database; the migrations make exactly these (a test compares)."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from shop_shared.http.idempotency import idempotency_table
from shop_shared.messaging.inbox import inbox_table

metadata = sa.MetaData()
inbox = inbox_table(metadata)
idempotency_keys = idempotency_table(metadata)

_instant = sa.DateTime(timezone=True)

recipients = sa.Table(
    "recipients",
    metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("email", sa.Text),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("phone", sa.Text),
    sa.Column("locale", sa.Text, nullable=False),
    # The account's, when it was so; 0 where the user service did not tell.
    sa.Column("version", sa.Integer, nullable=False, server_default="0"),
)

preferences = sa.Table(
    "preferences",
    metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("off", pg.JSONB, nullable=False),
    sa.Column("quiet_from", sa.Time),
    sa.Column("quiet_until", sa.Time),
    sa.Column("timezone", sa.Text, nullable=False),
    sa.Column("also", pg.JSONB, nullable=False, server_default=sa.text("'[]'::jsonb")),
)

devices = sa.Table(
    "devices",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("user_id", sa.Uuid, nullable=False, index=True),
    sa.Column("token", sa.Text, nullable=False, unique=True),
    sa.Column("platform", sa.Text, nullable=False),
)

notifications = sa.Table(
    "notifications",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("user_id", sa.Uuid, nullable=False),
    sa.Column("order_id", sa.Uuid),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("template", sa.Text, nullable=False),
    sa.Column("data", pg.JSONB, nullable=False),
    sa.Column("destination", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_at", _instant, nullable=False, server_default=sa.func.now()),
    sa.Column("created_at", _instant, nullable=False, server_default=sa.func.now()),
    sa.Column("updated_at", _instant, nullable=False, server_default=sa.func.now()),
    sa.Column("traceparent", sa.Text),
    # No event is ever said twice on one channel.
    sa.UniqueConstraint("event_id", "channel", name="one_message_an_event_and_channel"),
    sa.Index("notifications_of_user", "user_id", "id"),
    sa.Index(
        "notifications_of_order",
        "order_id",
        "id",
        postgresql_where=sa.text("order_id IS NOT NULL"),
    ),
    sa.Index("notifications_age", "created_at"),
    sa.Index(
        "notifications_open",
        "due_at",
        postgresql_where=sa.text("status IN ('pending', 'queued', 'retrying', 'sending')"),
    ),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("notification_id", sa.Uuid, sa.ForeignKey("notifications.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", _instant, nullable=False, server_default=sa.func.now()),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)

erased_users = sa.Table(
    "erased_users",
    metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("erased_at", _instant, nullable=False),
)

link_keys = sa.Table("link_keys", metadata, sa.Column("key", sa.LargeBinary, primary_key=True))
