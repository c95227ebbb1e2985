"""The charges by which another amount was paid: one that staff have not seen needs a person."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column, with the charge that staff saw where they have settled one."""
    op.add_column(
        "payments",
        sa.Column("wrong_charges", pg.ARRAY(sa.Text), nullable=False, server_default="{}"),
    )
    op.execute(
        "UPDATE payments SET wrong_charges = ARRAY[reference] "
        "WHERE settled_at IS NOT NULL AND reference IS NOT NULL"
    )
