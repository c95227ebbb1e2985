"""What consumers and outboxes measure, for Prometheus."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

from shop_shared.messaging.events import Event

published = Counter(
    "events_published",
    "Events written to the outbox, those of a transaction that was rolled back too",
    ["type"],
)
events = Counter(
    "events_consumed",
    "Events by what became of them: handled, duplicate, ignored, dead_lettered",
    ["group", "topic", "type", "outcome"],
)
retries = Counter("event_retries", "Events tried again", ["group", "topic"])
batches = Histogram(
    "event_batch_size",
    "Events taken together from Kafka",
    ["group"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
age = Histogram(
    "event_age_seconds",
    "From the event's being written to its effect's being committed",
    ["group", "topic"],
    buckets=(0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 5, 30, 300, 3600),
)
lag = Gauge(
    "event_lag",
    "Events of a partition that wait behind the last one taken",
    ["group", "topic", "partition"],
)
assigned = Gauge(
    "event_partitions_assigned",
    "Partitions that the group has given to this process; 0 during a rebalance",
    ["group"],
)
paused = Gauge("event_partitions_paused", "Partitions that wait for a store", ["group"])
captured = Gauge(
    "outbox_captured",
    "1 while change data capture reads the outbox (PostgreSQL's slot is in use)",
    ["database"],
)
capture_lag = Gauge(
    "outbox_capture_lag_bytes",
    "Write-ahead log that capture has not confirmed; NaN without a slot",
    ["database"],
)


def count_published(written: Iterable[Event]) -> None:
    """Count events that were written to an outbox, by their type."""
    for event in written:
        published.labels(event.type).inc()
