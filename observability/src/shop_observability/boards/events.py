"""The event fabric: outboxes, capture, consumers and dead letters."""

from shop_observability.panels import OF, Board, Panel, Row
from shop_observability.queries import gauge, per_second, quantiles, within

_CONSUMED = f"events_consumed_total{{{OF}}}"
_DEAD = f'events_consumed_total{{{OF},outcome="dead_lettered"}}'

BOARD = Board(
    uid="minishop-events",
    title="Event fabric",
    description="From the outbox through Debezium and Kafka to consumers and dead letters.",
    rows=(
        Row(
            title="Published",
            panels=(
                Panel(
                    title="Events written by type",
                    description="In the transaction of what they tell.",
                    queries=(per_second(f"events_published_total{{{OF}}}", by="type"),),
                ),
                Panel(
                    title="Outbox captured",
                    description="1 while Debezium reads it. What OutboxNotCaptured watches.",
                    queries=(
                        gauge(
                            "min", f"outbox_captured{{{OF}}}", by="job, database", legend="{{job}}"
                        ),
                    ),
                ),
                Panel(
                    title="Log that capture has not confirmed",
                    description="Grows while Connect or Kafka is away; PostgreSQL keeps it.",
                    unit="bytes",
                    queries=(
                        gauge(
                            "max",
                            f"outbox_capture_lag_bytes{{{OF}}}",
                            by="job, database",
                            legend="{{job}}",
                        ),
                    ),
                ),
            ),
        ),
        Row(
            title="Consumed",
            panels=(
                Panel(
                    title="Events by group and outcome",
                    description="`duplicate` was seen before and has no second effect.",
                    queries=(per_second(_CONSUMED, by="group, outcome"),),
                ),
                Panel(
                    title="Events that wait",
                    description="What ConsumerStuck watches.",
                    queries=(gauge("sum", f"event_lag{{{OF}}}", by="group, topic"),),
                ),
                Panel(
                    title="Partitions by group",
                    description="0 during a rebalance. What ConsumerStuck watches, too.",
                    queries=(gauge("sum", f"event_partitions_assigned{{{OF}}}", by="group"),),
                ),
                Panel(
                    title="Age when committed",
                    description="What EventsSlow watches.",
                    unit="s",
                    queries=quantiles("event_age_seconds", by="group, topic", matchers=OF),
                ),
            ),
        ),
        Row(
            title="Trouble",
            panels=(
                Panel(
                    title="Dead letters in the time shown",
                    description="`kubectl shop dead-letters` lists them and sends them back.",
                    queries=(within(_DEAD, by="group, topic, type"),),
                ),
                Panel(
                    title="Events tried again",
                    description="A store or a handler failed for the moment, or a race was lost.",
                    queries=(per_second(f"event_retries_total{{{OF}}}", by="group, topic"),),
                ),
                Panel(
                    title="Partitions that wait for a store",
                    description="What ConsumerPaused watches.",
                    queries=(gauge("max", f"event_partitions_paused{{{OF}}}", by="group"),),
                ),
                Panel(
                    title="Events taken together",
                    description="1 when idle; large batches are a backlog being worked off.",
                    queries=quantiles("event_batch_size", by="group", matchers=OF),
                ),
            ),
        ),
    ),
)
