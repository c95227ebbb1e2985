"""The tables of the user database; the migrations make exactly these (a test compares)."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from shop_shared.messaging.inbox import inbox_table
from shop_shared.messaging.outbox import outbox_table

metadata = sa.MetaData()
inbox_table(metadata)
outbox_table(metadata)

_instant = sa.DateTime(timezone=True)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("email", sa.Text),
    sa.Column("email_key", sa.Text, unique=True),
    sa.Column("name", sa.Text),
    sa.Column("phone", sa.Text),
    sa.Column("locale", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text),
    sa.Column("password_changed_at", _instant),
    sa.Column("roles", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("email_verified_at", _instant),
    sa.Column("phone_verified_at", _instant),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", _instant, nullable=False),
    sa.Column("updated_at", _instant, nullable=False),
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

addresses = sa.Table(
    "addresses",
    metadata,
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
    sa.Column("created_at", _instant, nullable=False),
    sa.Column("updated_at", _instant, nullable=False),
    sa.Index("addresses_user", "user_id", "id"),
    sa.Index(
        "addresses_one_default", "user_id", unique=True, postgresql_where=sa.text("is_default")
    ),
)

codes = sa.Table(
    "codes",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("user_id", sa.Uuid, sa.ForeignKey("accounts.id"), nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("destination", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("created_at", _instant, nullable=False),
    sa.Column("expires_at", _instant, nullable=False),
    sa.Column("used_at", _instant),
    sa.CheckConstraint(
        "purpose IN ('email', 'phone', 'password_reset', 'email_change')", name="codes_purpose"
    ),
    sa.Index("codes_user", "user_id", "purpose", "created_at"),
)

reset_requests = sa.Table(
    "reset_requests",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("created_at", _instant, nullable=False, index=True),
)
"""Password resets that were asked for and are not worked on yet, known address or not."""

reset_tries = sa.Table(
    "reset_tries",
    metadata,
    sa.Column("email_hash", sa.LargeBinary, primary_key=True),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("since", _instant, nullable=False, index=True),
)
"""Tries at the code of a password reset, known address or not."""

password_tries = sa.Table(
    "password_tries",
    metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("since", _instant, nullable=False, index=True),
)
"""Tries at the present password of an account whose owner is signed in."""
