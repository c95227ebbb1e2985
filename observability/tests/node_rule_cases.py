"""When the alerts about certificates and nodes fire, and when they do not."""

from .rule_cases import Case

_SYSTEM = 'namespace="minishop-system",job="shop-operator-metrics"'
_EXPIRES = f"shop_operator_webhook_certificate_expires_timestamp_seconds{{{_SYSTEM}"
_DISK = (
    'node_filesystem_{}_bytes{{instance="node",device="/dev/vda",mountpoint="{}",fstype="ext4"}}'
)

CASES = (
    Case(
        alert="CertificateNotRenewed",
        name="a third of the time in which it should have been renewed is over",
        series={_EXPIRES + ',pod="a"}': "5000000x200", _EXPIRES + ',pod="b"}': "6000000x200"},
        fires={30: None, 120: {"namespace": "minishop-system", "job": "shop-operator-metrics"}},
        summary=(
            "the certificate of the webhook ends in 57d 18h 53m 20s and should have been renewed:"
            " then ShopServices are taken without a look at them"
        ),
    ),
    Case(
        alert="CertificateNotRenewed",
        name="there is none yet, or it lasts",
        series={_EXPIRES + ',pod="a"}': "0x200", _EXPIRES + ',pod="b"}': "8000000x200"},
        fires={120: None},
    ),
    Case(
        alert="DiskAlmostFull",
        name="a twenty-fifth is left, also where it is mounted twice",
        series={
            _DISK.format("avail", "/"): "30x10 4x30",
            _DISK.format("avail", "/data"): "30x10 4x30",
            _DISK.format("size", "/"): "100x40",
            _DISK.format("size", "/data"): "100x40",
        },
        fires={9: None, 12: None, 20: {"instance": "node", "device": "/dev/vda"}},
        summary="4% of /dev/vda on node is left: stores stop writing when it is full",
    ),
    Case(
        alert="DiskAlmostFull",
        name="a tenth is left",
        series={_DISK.format("avail", "/"): "10x40", _DISK.format("size", "/"): "100x40"},
        fires={30: None},
    ),
    Case(
        alert="DiskFills",
        name="by a hundredth of the disk every ten minutes, also where it is mounted twice",
        series={
            _DISK.format("avail", "/"): "50-0.1x600",
            _DISK.format("avail", "/data"): "50-0.1x600",
            _DISK.format("size", "/"): "100x600",
            _DISK.format("size", "/data"): "100x600",
        },
        fires={30: None, 120: None, 200: {"instance": "node", "device": "/dev/vda"}},
        summary="/dev/vda on node is full within a day at the pace of the last 6 hours",
    ),
    Case(
        alert="DiskFills",
        name="what is stored grows slowly",
        series={
            _DISK.format("avail", "/"): "30-0.01x600",
            _DISK.format("size", "/"): "100x600",
        },
        fires={200: None},
    ),
    Case(
        alert="DiskFills",
        name="images were built on a disk that is nearly empty",
        series={
            _DISK.format("avail", "/"): "95-0.5x30 80x300",
            _DISK.format("size", "/"): "100x330",
        },
        fires={60: None, 100: None, 200: None},
    ),
    Case(
        alert="NodeMemoryShort",
        name="a fiftieth is left for a while",
        series={
            'node_memory_MemAvailable_bytes{instance="node"}': "50x10 2x20 50x20",
            'node_memory_MemTotal_bytes{instance="node"}': "100x50",
        },
        fires={8: None, 15: None, 25: {"instance": "node"}, 40: None},
        summary="2% of the memory of node is left: pods are about to be killed",
    ),
)
