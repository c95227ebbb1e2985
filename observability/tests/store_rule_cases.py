"""When the alerts about the stores fire, and when they do not."""

from .rule_cases import Case

_POSTGRES = {"store": "postgres"}
_FIGURES = 'up{namespace="platform",job="store-figures"}'
_MISSING_SAID = (
    "store-figures in platform has told Prometheus nothing for 10 minutes: what it measures calls"
    " nobody"
)

CASES = (
    Case(
        alert="StoreDown",
        name="it stops answering, and comes back",
        series={
            'store_up{store="postgres",pod="a"}': "1x10 0x10 1x10",
            'store_up{store="redis",pod="a"}': "1x30",
        },
        fires={10: None, 12: None, 15: _POSTGRES, 25: None},
        summary="postgres does not answer",
    ),
    Case(
        alert="FiguresMissing",
        name="what asks the stores has no pod any more",
        series={_FIGURES: "1x20 _x60", 'up{namespace="logging",job="node-exporter"}': "1x80"},
        fires={19: None, 27: None, 45: {"namespace": "platform", "job": "store-figures"}},
        summary=_MISSING_SAID,
    ),
    Case(
        alert="FiguresMissing",
        name="it never answers, then does",
        series={_FIGURES: "0x40 1x20"},
        fires={5: None, 20: {"namespace": "platform", "job": "store-figures"}, 45: None},
        summary=_MISSING_SAID,
    ),
    Case(
        alert="FiguresMissing",
        name="it was never there, and another pod takes over",
        series={
            'up{namespace="logging",job="node-exporter",pod="a"}': "1x20 _x60",
            'up{namespace="logging",job="node-exporter",pod="b"}': "_x20 1x60",
        },
        fires={15: None, 30: None, 60: None},
    ),
    Case(
        alert="StoreConnectionsShort",
        name="95 of 100 are open",
        series={
            'store_connections{store="postgres"}': "50x10 95x20",
            'store_connections_most{store="postgres"}': "100x30",
            'store_connections{store="rabbitmq"}': "1000x30",
        },
        fires={9: None, 12: None, 20: _POSTGRES},
        summary=("95% of the connections that postgres takes are open: the next ones are refused"),
    ),
    Case(
        alert="TransactionStaysOpen",
        name="somebody forgot to end one",
        series={'store_longest_transaction_seconds{store="postgres"}': "0x5 0+60x20 0x5"},
        fires={12: None, 20: _POSTGRES, 28: None},
        summary=(
            "a transaction in postgres has been open for 14m 0s: it holds locks, and dead rows stay"
        ),
    ),
    Case(
        alert="PartitionsLeaderless",
        name="a broker has gone",
        series={
            'store_partitions{store="kafka",state="leaderless"}': "0x5 3x10 0x5",
            'store_partitions{store="kafka",state="all"}': "80x20",
        },
        fires={4: None, 10: {"store": "kafka"}, 18: None},
        summary="3 partitions of kafka have no leader: their events wait",
    ),
)
