"""Tries at the present password, which changing the password or the e-mail address asks for."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "password_tries",
        sa.Column("user_id", sa.Uuid, primary_key=True),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False, index=True),
    )
