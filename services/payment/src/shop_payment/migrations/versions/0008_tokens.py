"""Tokens of stored cards go once their charge was made: before, they were kept for ever."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Forget the tokens of payments that nothing is to be charged for any more."""
    op.execute(
        "UPDATE payments SET token = NULL "
        "WHERE token IS NOT NULL AND status NOT IN ('waiting', 'pending')"
    )
