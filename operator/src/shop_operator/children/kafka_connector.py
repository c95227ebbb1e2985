"""The KafkaConnector: Debezium from the outbox to Kafka, and all its settings.

Why each is set, and the measurements: docs/adr/0024-connector-settings.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from shop_operator.children.access_secret import Access
from shop_operator.metadata import Manifest, tracked
from shop_operator.names import (
    connector_login,
    connector_name,
    database_name,
    slot,
    source_name,
    topic_prefix,
)
from shop_operator.settings import Settings
from shop_operator.spec import ShopService

_HEADERS = (
    "type:header:ce_type,source:header:ce_source,specversion:header:ce_specversion,"
    "time:header:ce_time,datacontenttype:header:content-type,traceparent:header:traceparent"
)
_COMMON = {
    # A full batch is sent at once, any other waits for the poll interval: so one event is a batch.
    # What remains of the interval is the pause between two reads of the log, each of which costs
    # most of a millisecond of CPU, also when idle.
    "max.batch.size": "1",
    "poll.interval.ms": "10",
    "heartbeat.interval.ms": "10000",
    # For the heartbeats' topic alone, which Connect makes; -1 is the broker's default.
    "topic.creation.default.partitions": "1",
    "topic.creation.default.replication.factor": "-1",
    "key.converter": "org.apache.kafka.connect.storage.StringConverter",
    "value.converter": "org.apache.kafka.connect.storage.StringConverter",
    "producer.override.linger.ms": "0",
    "transforms": "outbox",
}
_ROTATED = "minishop.password.rotated"
"""Not a setting of Debezium's: another value has Connect read the password anew."""
SNAPSHOT_MODE = "when_needed"
"""Reads the whole outbox when there is no position to go on from (ADR 0031): neither what was
committed before the connector first ran is lost, nor what a dropped slot or a short oplog skips."""


@dataclass(frozen=True, slots=True)
class Source:
    """A database and how Debezium logs in; the logins may be `${secrets:…}` references."""

    name: str
    database: str
    outbox: str
    host: str
    port: int
    username: str
    password: str
    replica_set: str = ""
    topic_prefix: str = ""
    """What goes before the names of the events' topics."""


def postgres_config(source: Source) -> dict[str, str]:
    """Return the settings of Debezium's PostgreSQL connector; values are strings."""
    return _common(source) | {
        "plugin.name": "pgoutput",
        "topic.prefix": source.name,
        "database.hostname": source.host,
        "database.port": str(source.port),
        "database.user": source.username,
        "database.password": source.password,
        "database.dbname": source.database,
        "slot.name": slot(source.database),
        "publication.name": slot(source.database),
        "publication.autocreate.mode": "disabled",
        "snapshot.mode": SNAPSHOT_MODE,
        "table.include.list": source.outbox,
        # The heap's own order is not that of the commits, once the purge has freed space in it.
        "snapshot.select.statement.overrides": source.outbox,
        f"snapshot.select.statement.overrides.{source.outbox}": (
            f"SELECT * FROM {source.outbox} ORDER BY time, id"  # noqa: S608 - the CRD's pattern
        ),
        # An idle outbox otherwise pins the write-ahead log of the whole server.
        "heartbeat.action.query": "SELECT pg_logical_emit_message(false, 'heartbeat', '')",
        "transforms.outbox.type": "io.debezium.transforms.outbox.EventRouter",
        "transforms.outbox.route.by.field": "aggregatetype",
        "transforms.outbox.table.field.event.key": "aggregateid",
        "transforms.outbox.table.fields.additional.placement": f"id:header:ce_id,{_HEADERS}",
    }


def _common(source: Source) -> dict[str, str]:
    topic = f"{source.topic_prefix}${{routedByValue}}.events"
    return _COMMON | {"transforms.outbox.route.topic.replacement": topic}


def mongodb_config(source: Source) -> dict[str, str]:
    """Return the settings of Debezium's MongoDB connector; values are strings."""
    query = f"replicaSet={source.replica_set}&authSource={source.database}"
    return _common(source) | {
        "topic.prefix": source.name,
        "mongodb.connection.string": f"mongodb://{source.host}:{source.port}/?{query}",
        "mongodb.user": source.username,
        "mongodb.password": source.password,
        "mongodb.authsource": source.database,
        # A change stream of one database needs no rights on the others.
        "capture.scope": "database",
        "capture.target": source.database,
        "collection.include.list": f"{source.database}.{source.outbox}",
        "skipped.operations": "u,d,t",
        "snapshot.mode": SNAPSHOT_MODE,
        "transforms.outbox.type": (
            "io.debezium.connector.mongodb.transforms.outbox.MongoEventRouter"
        ),
        "transforms.outbox.collection.field.event.key": "aggregateid",
        "transforms.outbox.collection.field.event.id": "_id",
        "transforms.outbox.collection.fields.additional.placement": f"_id:header:ce_id,{_HEADERS}",
    }


def kafka_connector(service: ShopService, platform: Settings, access: Access) -> Iterator[Manifest]:
    """Yield the KafkaConnector; the Secret that it logs in with is in `capture_login`."""
    database, outbox = service.spec.database, service.spec.outbox_table
    if database is None or outbox is None or access.capture is None:
        return
    login = connector_login(service)
    postgres = database.kind == "postgres"
    source = Source(
        name=source_name(service, platform),
        database=database_name(service, platform),
        outbox=outbox,
        host=platform.postgres_host if postgres else platform.mongodb_host,
        port=platform.postgres_port if postgres else platform.mongodb_port,
        username=f"${{secrets:{service.namespace}/{login}:username}}",
        password=f"${{secrets:{service.namespace}/{login}:password}}",
        replica_set="" if postgres else platform.mongodb_replica_set,
        topic_prefix=topic_prefix(service.namespace, platform),
    )
    kind = "postgresql.PostgresConnector" if postgres else "mongodb.MongoDbConnector"
    connector = tracked(
        service,
        "kafka.strimzi.io/v1",
        "KafkaConnector",
        name=connector_name(service, platform),
        namespace=platform.kafka_namespace,
        spec={
            "class": f"io.debezium.connector.{kind}",
            "tasksMax": 1,
            "autoRestart": {"enabled": True, "maxRestarts": 7},
            "config": (postgres_config(source) if postgres else mongodb_config(source))
            | ({_ROTATED: access.capture_rotated} if access.capture_rotated else {}),
        },
    )
    connector["metadata"]["labels"] |= {"strimzi.io/cluster": platform.kafka_connect}
    yield connector
