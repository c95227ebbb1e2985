"""Kafka Connect, distributed, with the Debezium plugins."""

import httpx

from shop_servers import jvm
from shop_servers.place import Facts, Place


async def start(place: Place) -> Facts:
    """Start Connect; `url` is its REST API's."""
    jars = await jvm.jars()
    bootstrap = place.others["kafka"]["bootstrap_servers"]
    url = f"http://127.0.0.1:{place.port()}"
    properties = place.directory / "connect.properties"
    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": "connect",
        "listeners": url,
        "rest.advertised.host.name": "127.0.0.1",
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.storage.StringConverter",
        "plugin.path": jars.plugins,
        "plugin.discovery": "service_load",
        "config.storage.topic": "connect-configs",
        "config.storage.replication.factor": 1,
        "offset.storage.topic": "connect-offsets",
        "offset.storage.replication.factor": 1,
        "offset.storage.partitions": 1,
        "status.storage.topic": "connect-status",
        "status.storage.replication.factor": 1,
        "status.storage.partitions": 1,
        "offset.flush.interval.ms": 1000,
        "scheduled.rebalance.max.delay.ms": 0,
        "producer.linger.ms": 0,
    }
    properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    await jvm.spawn(place, jars, "org.apache.kafka.connect.cli.ConnectDistributed", properties)

    async def probe() -> None:
        async with httpx.AsyncClient() as client:
            (await client.get(f"{url}/connectors")).raise_for_status()

    await place.listening(place.port())
    await place.ready(probe)
    return {"url": url, "bootstrap_servers": bootstrap}
