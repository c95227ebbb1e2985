"""The tables that events need, for a service's first migration."""

import sqlalchemy as sa

from shop_shared.messaging import inbox, outbox


def create_event_tables(connection: sa.Connection) -> None:
    """Create `outbox` and `inbox`, as `messaging.outbox` and `messaging.inbox` write them."""
    metadata = sa.MetaData()
    for table in (outbox.outbox_table(metadata), inbox.inbox_table(metadata)):
        table.create(connection)
