"""When the alerts about the stores fire, and when they do not."""

from .rule_cases import Case

_POSTGRES = {"store": "postgres"}

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
