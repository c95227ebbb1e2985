"""The gauges. Of a store that does not answer only `store_up` is shown: the rest would be old."""

from collections.abc import Mapping

from prometheus_client import Gauge

_UP = Gauge("store_up", "1 while the store answers.", ["store"])
_FIGURES = (
    Gauge("store_connections", "Connections that are open.", ["store"]),
    Gauge("store_connections_most", "Connections that it takes.", ["store"]),
    Gauge("store_memory_bytes", "Memory that it uses, as it says itself.", ["store"]),
    Gauge("store_memory_most_bytes", "Memory that it may use, by its own limit.", ["store"]),
    Gauge("store_size_bytes", "Bytes of a database on the disk.", ["store", "database"]),
    Gauge("store_longest_transaction_seconds", "Age of the oldest open transaction.", ["store"]),
    Gauge("store_slot_bytes", "Log that is kept for a replication slot.", ["store", "slot"]),
    Gauge("store_oplog_seconds", "Time that the oplog goes back.", ["store"]),
    Gauge("store_keys_evicted", "Keys that were dropped for want of memory.", ["store"]),
    Gauge("store_queue_messages", "Messages in a queue.", ["store", "vhost", "queue"]),
    Gauge(
        "store_partitions",
        "Partitions by state: all, leaderless, short of replicas.",
        ["store", "state"],
    ),
)
_BY_NAME = {gauge._name: gauge for gauge in _FIGURES}  # noqa: SLF001 - it has no public name

Figures = Mapping[str, float | Mapping[tuple[str, ...], float]]
"""By a gauge's name its value, or the values by the labels that follow `store`."""


def show(store: str, figures: Figures | None) -> None:
    """Replace what is shown of a store; None: it does not answer."""
    _UP.labels(store).set(figures is not None)
    for name, gauge in _BY_NAME.items():
        gauge.remove_by_labels({"store": store})
        found = (figures or {}).get(name)
        if isinstance(found, Mapping):
            for labels, value in found.items():
                gauge.labels(store, *labels).set(value)
        elif found is not None:
            gauge.labels(store).set(found)
