"""The transactional outbox: an event is written with the state it speaks of, or not at all.

Change data capture (Debezium) carries the rows to Kafka. Rows are only ever inserted; `purge`
deletes old ones, as long as somebody reads them. For MongoDB see `mongo`.
"""

import math
from datetime import timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared.clock import now
from shop_shared.messaging import event_metrics
from shop_shared.messaging.events import CONTENT_TYPE, SPEC_VERSION, Event

KEEP = timedelta(days=1)
_log = structlog.get_logger(__name__)


def outbox_table(metadata: sa.MetaData) -> sa.Table:
    """Add the table `outbox` to metadata: one row an event, columns as Debezium is told them."""
    return sa.Table(
        "outbox",
        metadata,
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("aggregatetype", sa.String(255), nullable=False),
        sa.Column("aggregateid", sa.String(255), nullable=False),
        sa.Column("type", sa.String(255), nullable=False),
        sa.Column("payload", pg.JSONB, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("specversion", sa.Text, nullable=False),
        sa.Column("datacontenttype", sa.Text, nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("traceparent", sa.Text),
    )


# One statement for any number of rows: arrays, unnested. The plan is prepared once.
_INSERT = sa.text("""
    INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, source, specversion,
                        datacontenttype, time, traceparent)
    SELECT id, aggregatetype, aggregateid, type, payload::jsonb, source, :specversion,
           :datacontenttype, time, traceparent
    FROM unnest(CAST(:ids AS uuid[]), CAST(:aggregatetypes AS text[]), CAST(:keys AS text[]),
                CAST(:types AS text[]), CAST(:payloads AS text[]), CAST(:sources AS text[]),
                CAST(:times AS timestamptz[]), CAST(:traceparents AS text[]))
         AS event (id, aggregatetype, aggregateid, type, payload, source, time, traceparent)
""")


async def publish(connection: AsyncConnection, *events: Event) -> None:
    """Write the events to the outbox, in this order, in the connection's transaction."""
    if not events:
        return
    await connection.execute(
        _INSERT,
        {
            "ids": [event.id for event in events],
            "aggregatetypes": [event.aggregate for event in events],
            "keys": [event.key for event in events],
            "types": [event.type for event in events],
            "payloads": [event.payload.decode() for event in events],
            "sources": [event.source for event in events],
            "times": [event.time for event in events],
            "traceparents": [event.traceparent for event in events],
            "specversion": SPEC_VERSION,
            "datacontenttype": CONTENT_TYPE,
        },
    )
    event_metrics.count_published(events)


_CAPTURE = sa.text("""
    SELECT current_database() AS database,
           coalesce(bool_or(active AND wal_status IN ('reserved', 'extended')), false) AS runs,
           max(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)) AS behind
    FROM pg_replication_slots WHERE database = current_database()
""")


async def purge(connection: AsyncConnection, *, keep: timedelta = KEEP) -> int:
    """Delete the rows older than keep and return how many: Kafka has them long since.

    None while no replication slot of this database is being read: when capture comes back and
    its position is lost, it reads the table again (ADR 0031), so all of it must be there. That
    nobody reads is said by a warning and the metric `outbox_captured`.
    """
    capture = (await connection.execute(_CAPTURE)).one()
    behind = math.nan if capture.behind is None else float(capture.behind)
    event_metrics.captured.labels(capture.database).set(capture.runs)
    event_metrics.capture_lag.labels(capture.database).set(behind)
    if not capture.runs:
        _log.warning("the outbox is not captured: old events are kept", bytes_behind=behind)
        return 0
    result = await connection.execute(
        sa.text("DELETE FROM outbox WHERE time < :before"), {"before": now() - keep}
    )
    return result.rowcount
