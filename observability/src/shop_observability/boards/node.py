"""The machines below: disks, memory, processors, as node_exporter tells."""

from shop_observability.panels import Board, Panel, Query, Row
from shop_observability.queries import RATE

_DISKS = 'fstype=~"ext4|xfs|btrfs|zfs"'

BOARD = Board(
    uid="minishop-node",
    title="Node",
    description="What the machines of the cluster have left.",
    variables=(),
    rows=(
        Row(
            title="What is left",
            panels=(
                Panel(
                    title="Disk left",
                    description="What DiskAlmostFull and DiskFills watch.",
                    unit="bytes",
                    queries=(
                        Query(
                            expr=(
                                "min by (instance, device)"
                                f" (node_filesystem_avail_bytes{{{_DISKS}}})"
                            ),
                            legend="{{instance}} {{device}}",
                        ),
                    ),
                ),
                Panel(
                    title="Share of the disk left",
                    description="Below 5 % DiskAlmostFull pages somebody.",
                    unit="percentunit",
                    queries=(
                        Query(
                            expr=(
                                "min by (instance, device)"
                                f" (node_filesystem_avail_bytes{{{_DISKS}}})"
                                " / min by (instance, device)"
                                f" (node_filesystem_size_bytes{{{_DISKS}}})"
                            ),
                            legend="{{instance}} {{device}}",
                        ),
                    ),
                ),
                Panel(
                    title="Memory left",
                    description="What programs can still get, caches counted in.",
                    unit="bytes",
                    queries=(
                        Query(expr="node_memory_MemAvailable_bytes", legend="{{instance}}"),
                        Query(expr="node_memory_MemTotal_bytes", legend="{{instance}}, of"),
                    ),
                ),
            ),
        ),
        Row(
            title="What is used",
            panels=(
                Panel(
                    title="Processors by what they do",
                    description="1 is one core; `iowait` is one that waits for a disk.",
                    stacked=True,
                    queries=(
                        Query(
                            expr=(
                                "sum by (mode)"
                                f' (rate(node_cpu_seconds_total{{mode!="idle"}}[{RATE}]))'
                            ),
                            legend="{{mode}}",
                        ),
                    ),
                ),
                Panel(
                    title="Load",
                    description="Processes that run or wait to, over a minute and five.",
                    queries=(
                        Query(expr="node_load1", legend="{{instance}}, 1 minute"),
                        Query(expr="node_load5", legend="{{instance}}, 5 minutes"),
                    ),
                ),
                Panel(
                    title="Time that disks are busy",
                    description="1 is a disk that is never idle.",
                    unit="percentunit",
                    queries=(
                        Query(
                            expr=(
                                "sum by (instance, device)"
                                f" (rate(node_disk_io_time_seconds_total[{RATE}]))"
                            ),
                            legend="{{instance}} {{device}}",
                        ),
                    ),
                ),
            ),
        ),
    ),
)
