"""Which version of an account a recipient is; quiet hours in zones that are nobody's are in UTC."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the version, and put zones right that were taken and are of no place."""
    op.add_column(
        "recipients", sa.Column("version", sa.Integer, nullable=False, server_default="0")
    )
    op.execute("UPDATE preferences SET timezone = 'UTC' WHERE timezone IN ('Factory', 'localtime')")
