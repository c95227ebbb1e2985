"""The stores and Kafka: do they answer, and what have they left."""

from shop_observability.panels import Board, Panel, Query, Row


def _by_store(metric: str, *, others: str = "") -> Query:
    by = f"store, {others}" if others else "store"
    more = "".join(f" {{{{{label.strip()}}}}}" for label in others.split(",") if label)
    return Query(expr=f"max by ({by}) ({metric})", legend=f"{{{{store}}}}{more}")


def _share(used: str, most: str) -> Query:
    expr = f"max by (store) ({used}) / max by (store) ({most})"
    return Query(expr=expr, legend="{{store}}")


BOARD = Board(
    uid="minishop-stores",
    title="Stores",
    description="PostgreSQL, MongoDB, Redis, RabbitMQ and Kafka, as they tell when they are asked.",
    variables=(),
    rows=(
        Row(
            title="All of them",
            panels=(
                Panel(
                    title="Stores that answer",
                    description="1 while one does. What StoreDown watches.",
                    queries=(_by_store("store_up"),),
                ),
                Panel(
                    title="Connections",
                    description="Of the services, of Connect, of the operator and of people.",
                    queries=(_by_store("store_connections"),),
                ),
                Panel(
                    title="Connections, of those it takes",
                    description="What StoreConnectionsShort watches.",
                    unit="percentunit",
                    queries=(_share("store_connections", "store_connections_most"),),
                ),
            ),
        ),
        Row(
            title="Room",
            panels=(
                Panel(
                    title="Databases on the disk",
                    description="PostgreSQL without its log, MongoDB without its oplog's.",
                    unit="bytes",
                    queries=(_by_store("store_size_bytes", others="database"),),
                ),
                Panel(
                    title="Memory",
                    description="Resident for MongoDB, of the data for Redis.",
                    unit="bytes",
                    queries=(_by_store("store_memory_bytes"),),
                ),
                Panel(
                    title="Memory, of what it may use",
                    description="Redis drops keys at 1, or refuses writes: see its policy.",
                    unit="percentunit",
                    queries=(_share("store_memory_bytes", "store_memory_most_bytes"),),
                ),
                Panel(
                    title="Keys dropped for want of memory",
                    description="Since Redis started.",
                    queries=(_by_store("store_keys_evicted"),),
                ),
            ),
        ),
        Row(
            title="PostgreSQL and MongoDB",
            panels=(
                Panel(
                    title="Oldest open transaction",
                    description="One that stays open for minutes holds locks and keeps dead rows.",
                    unit="s",
                    queries=(_by_store("store_longest_transaction_seconds"),),
                ),
                Panel(
                    title="Log kept for a slot",
                    description="What PostgreSQL can't delete before capture has read it.",
                    unit="bytes",
                    queries=(_by_store("store_slot_bytes", others="slot"),),
                ),
                Panel(
                    title="How far back MongoDB's oplog goes",
                    description="Capture that is away for longer begins anew, with a snapshot.",
                    unit="s",
                    queries=(_by_store("store_oplog_seconds"),),
                ),
            ),
        ),
        Row(
            title="RabbitMQ and Kafka",
            panels=(
                Panel(
                    title="Messages in queues",
                    description="Work that waits for a worker.",
                    queries=(_by_store("store_queue_messages", others="vhost, queue"),),
                ),
                Panel(
                    title="Partitions of Kafka",
                    description="`leaderless` can't be written or read; `short` lacks replicas.",
                    queries=(_by_store("store_partitions", others="state"),),
                ),
            ),
        ),
    ),
)
