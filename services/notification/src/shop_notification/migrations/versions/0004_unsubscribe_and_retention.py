"""Messages on request, unsubscribe links, erased accounts, and the age of messages."""

import secrets

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column, the index and the tables, and make the key of the links."""
    op.add_column(
        "preferences",
        sa.Column("also", pg.JSONB, nullable=False, server_default=sa.text("'[]'::jsonb")),
    )
    op.create_index("notifications_age", "notifications", ["created_at"])
    op.create_table(
        "erased_users",
        sa.Column("user_id", sa.Uuid, primary_key=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
    )
    keys = op.create_table("link_keys", sa.Column("key", sa.LargeBinary, primary_key=True))
    op.bulk_insert(keys, [{"key": secrets.token_bytes(32)}])
