"""Kafka Connect, distributed, with the Debezium plugins."""

from pathlib import Path

import httpx

from shop_servers import jvm
from shop_servers.instance import Facts, ServerInstance


async def start(instance: ServerInstance) -> Facts:
    """Start Connect; `url` is its REST API's."""
    jars = await jvm.jars()
    properties = instance.directory / "connect.properties"
    properties.write_text(configuration(instance, plugins=jars.plugins))
    await jvm.spawn(instance, jars, "org.apache.kafka.connect.cli.ConnectDistributed", properties)
    return await ready(instance)


def configuration(instance: ServerInstance, *, plugins: str | Path) -> str:
    """The content of connect.properties."""
    settings = {
        "bootstrap.servers": instance.others["kafka"]["bootstrap_servers"],
        "group.id": "connect",
        "listeners": f"http://127.0.0.1:{instance.port()}",
        "rest.advertised.host.name": "127.0.0.1",
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.storage.StringConverter",
        "plugin.path": plugins,
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
    return "".join(f"{key}={value}\n" for key, value in settings.items())


async def ready(instance: ServerInstance) -> Facts:
    """Wait for it."""
    url = f"http://127.0.0.1:{instance.port()}"

    async def probe() -> None:
        async with httpx.AsyncClient() as client:
            (await client.get(f"{url}/connectors")).raise_for_status()

    await instance.listening(instance.port())
    await instance.ready(probe)
    return {"url": url, "bootstrap_servers": instance.others["kafka"]["bootstrap_servers"]}
