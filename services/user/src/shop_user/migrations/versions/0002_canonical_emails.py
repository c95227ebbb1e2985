"""Canonical e-mail addresses; resets that do the same work for every address; changed passwords.

Every account's address becomes the canonical one (`shop_shared.emails`), and other services hear of
it by `user.updated`. An account keeps its spelling where that is no address, or where another
account has the canonical one: the migration prints the ids of both kinds.
"""

import sys

import sqlalchemy as sa
from alembic import op

from shop_shared.clock import now
from shop_shared.emails import BadEmailError, canonical
from shop_shared.ids import uuid7
from shop_shared.messaging.outbox import outbox_table

revision = "0002"
down_revision = "0001"

_instant = sa.DateTime(timezone=True)
_accounts = sa.table(
    "accounts",
    *(
        sa.column(name)
        for name in ("id", "email", "email_key", "name", "phone", "locale", "version", "updated_at")
    ),
    sa.column("email_verified_at", _instant),
)


def upgrade() -> None:
    """Add the columns and tables, then rewrite the addresses."""
    op.add_column("accounts", sa.Column("password_changed_at", _instant))
    op.drop_constraint("codes_purpose", "codes")
    op.create_check_constraint(
        "codes_purpose",
        "codes",
        "purpose IN ('email', 'phone', 'password_reset', 'email_change')",
    )
    op.create_table(
        "reset_requests",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("created_at", _instant, nullable=False),
    )
    op.create_index("ix_reset_requests_created_at", "reset_requests", ["created_at"])
    op.create_table(
        "reset_tries",
        sa.Column("email_hash", sa.LargeBinary, primary_key=True),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("since", _instant, nullable=False),
    )
    op.create_index("ix_reset_tries_since", "reset_tries", ["since"])
    _rewrite_addresses(op.get_bind())


def _rewrite_addresses(connection: sa.Connection) -> None:
    rows = connection.execute(
        sa.select(_accounts)
        .where(_accounts.c.email.is_not(None))
        # A verified account comes first to its address, then the oldest.
        .order_by(_accounts.c.email_verified_at.is_(None), _accounts.c.id)
    ).all()
    taken: set[str] = set()
    for row in rows:
        try:
            address = canonical(row.email)
        except BadEmailError:
            _report(row.id, "is no address that mail can be sent to")
            continue
        if address in taken:
            _report(row.id, "is another account's")
            continue
        taken.add(address)
        if (row.email, row.email_key) != (address, address):
            _rewrite(connection, row, address)


def _rewrite(connection: sa.Connection, row: sa.Row[tuple[object, ...]], address: str) -> None:
    holder = connection.scalar(
        sa.select(_accounts.c.id).where(_accounts.c.email_key == address, _accounts.c.id != row.id)
    )
    if holder is not None:
        # It comes later in this order, or was no address by itself: it gives way.
        connection.execute(
            sa.update(_accounts)
            .where(_accounts.c.id == holder)
            .values(email_key=f"{address} {holder}")
        )
    connection.execute(
        sa.update(_accounts)
        .where(_accounts.c.id == row.id)
        .values(email=address, email_key=address, version=_accounts.c.version + 1, updated_at=now())
    )
    if row.email == address:
        return
    payload = {"user_id": str(row.id), "email": address, "name": row.name}
    connection.execute(
        sa.insert(outbox_table(sa.MetaData())).values(
            id=uuid7(),
            aggregatetype="user",
            aggregateid=str(row.id),
            type="minishop.user.updated.v1",
            payload={**payload, "phone": row.phone, "locale": row.locale},
            source="/minishop/user",
            specversion="1.0",
            datacontenttype="application/json",
            time=now(),
        )
    )


def _report(user_id: object, reason: str) -> None:
    sys.stderr.write(f"account {user_id}: its e-mail {reason}; it keeps its spelling\n")
