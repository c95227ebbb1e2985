"""Accounts, addresses, codes, and the tables of events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

from shop_shared.messaging.event_tables import create_event_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    at = sa.DateTime(timezone=True)
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("email", sa.Text),
        sa.Column("email_key", sa.Text, unique=True),
        sa.Column("name", sa.Text),
        sa.Column("phone", sa.Text),
        sa.Column("locale", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text),
        sa.Column("roles", pg.ARRAY(sa.Text), nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("email_verified_at", at),
        sa.Column("phone_verified_at", at),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", at, nullable=False),
        sa.Column("updated_at", at, nullable=False),
        sa.CheckConstraint("status IN ('active', 'suspended', 'deleted')", name="accounts_status"),
        sa.CheckConstraint(
            "roles <@ ARRAY['customer', 'staff', 'admin'] AND cardinality(roles) > 0",
            name="accounts_roles",
        ),
        sa.CheckConstraint(
            "(status = 'deleted') = (email IS NULL AND name IS NULL AND phone IS NULL"
            " AND password_hash IS NULL AND email_key IS NULL)",
            name="accounts_deleted_is_erased",
        ),
    )
    op.create_table(
        "addresses",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("accounts.id"), nullable=False),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in (
                "label",
                "name",
                "line1",
                "line2",
                "city",
                "region",
                "postal_code",
                "country",
            )
        ),
        sa.Column("phone", sa.Text),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", at, nullable=False),
        sa.Column("updated_at", at, nullable=False),
    )
    op.create_index("addresses_user", "addresses", ["user_id", "id"])
    op.create_index(
        "addresses_one_default",
        "addresses",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    op.create_table(
        "codes",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("created_at", at, nullable=False),
        sa.Column("expires_at", at, nullable=False),
        sa.Column("used_at", at),
        sa.CheckConstraint("purpose IN ('email', 'phone', 'password_reset')", name="codes_purpose"),
    )
    op.create_index("codes_user", "codes", ["user_id", "purpose", "created_at"])
    create_event_tables(op.get_bind())
