"""The stores and Kafka: do they answer, and what have they left."""

from shop_observability.panels import Board, Panel, Query, Row
from shop_observability.queries import gauge


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
                    queries=(gauge("max", "store_up", by="store"),),
                ),
                Panel(
                    title="Connections",
                    description="Of the services, of Connect, of the operator and of people.",
                    queries=(gauge("max", "store_connections", by="store"),),
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
                    queries=(gauge("max", "store_size_bytes", by="store, database"),),
                ),
                Panel(
                    title="Memory",
                    description="Resident for MongoDB, of the data for Redis.",
                    unit="bytes",
                    queries=(gauge("max", "store_memory_bytes", by="store"),),
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
                    queries=(gauge("max", "store_keys_evicted", by="store"),),
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
                    queries=(gauge("max", "store_longest_transaction_seconds", by="store"),),
                ),
                Panel(
                    title="Log kept for a slot",
                    description="What PostgreSQL can't delete before capture has read it.",
                    unit="bytes",
                    queries=(gauge("max", "store_slot_bytes", by="store, slot"),),
                ),
                Panel(
                    title="How far back MongoDB's oplog goes",
                    description="Capture that is away for longer begins anew, with a snapshot.",
                    unit="s",
                    queries=(gauge("max", "store_oplog_seconds", by="store"),),
                ),
            ),
        ),
        Row(
            title="RabbitMQ and Kafka",
            panels=(
                Panel(
                    title="Messages in queues",
                    description="Work that waits for a worker.",
                    queries=(gauge("max", "store_queue_messages", by="store, vhost, queue"),),
                ),
                Panel(
                    title="Partitions of Kafka",
                    description="`leaderless` can't be written or read; `short` lacks replicas.",
                    queries=(gauge("max", "store_partitions", by="store, state"),),
                ),
            ),
        ),
    ),
)
