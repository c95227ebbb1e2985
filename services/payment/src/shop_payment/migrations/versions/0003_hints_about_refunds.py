"""A hint about a refund that comes while its call is in hand waits behind it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Let one call wait beside the one in hand."""
    op.drop_index("provider_calls_one_refund_each", "provider_calls")
    op.create_index(
        "provider_calls_one_refund_waits",
        "provider_calls",
        ["refund_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open' AND call = 'refund' AND attempts = 0"),
    )
