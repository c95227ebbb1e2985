"""One due time for all that is on its way: new, in a queue, with a sender, or to be tried again."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Give what is on its way a lease, and make the index of it."""
    op.execute(
        "UPDATE notifications SET due_at = greatest(due_at, now() + interval '2 minutes')"
        " WHERE status IN ('queued', 'sending', 'retrying')"
    )
    op.drop_index("notifications_due", "notifications")
    op.drop_index("notifications_unsettled", "notifications")
    op.create_index(
        "notifications_open",
        "notifications",
        ["due_at"],
        postgresql_where=sa.text("status IN ('pending', 'queued', 'retrying', 'sending')"),
    )
