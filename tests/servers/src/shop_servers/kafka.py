"""One Kafka broker in KRaft mode, broker and controller in one."""

from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from shop_servers import jvm
from shop_servers.instance import Facts, ServerInstance

NODE = 1
CLUSTER_ID = "bWluaXNob3AtdGVzdHMtMQ"


async def start(instance: ServerInstance) -> Facts:
    """Start Kafka."""
    jars = await jvm.jars()
    data = instance.make_directory("data")
    properties = instance.directory / "server.properties"
    properties.write_text(configuration(instance, data=data))
    if not (data / "meta.properties").exists():
        await instance.run(
            [
                "java",
                "-XX:TieredStopAtLevel=1",
                "-Xshare:auto",
                "-cp",
                f"{jars.home}/libs/*",
                "kafka.tools.StorageTool",
                "format",
                "-t",
                CLUSTER_ID,
                "-c",
                properties,
            ]
        )
    await jvm.spawn(instance, jars, "kafka.Kafka", properties)
    return await ready(instance)


def configuration(instance: ServerInstance, *, data: str | Path) -> str:
    """The content of server.properties."""
    broker, controller = (
        f"127.0.0.1:{instance.port(purpose)}" for purpose in ("main", "controller")
    )
    settings = {
        "process.roles": "broker,controller",
        "node.id": NODE,
        "controller.quorum.voters": f"{NODE}@{controller}",
        "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{broker}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": data,
        "num.partitions": 3,
        "default.replication.factor": 1,
        "offsets.topic.num.partitions": 5,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "log.cleaner.enable": "true",
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        "log.index.size.max.bytes": 1024 * 1024,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())


async def ready(instance: ServerInstance) -> Facts:
    """Wait for it."""
    broker = f"127.0.0.1:{instance.port()}"

    async def probe() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker)
        try:
            await admin.start()
            await admin.list_topics()
        finally:
            await admin.close()

    await instance.listening(instance.port())
    await instance.ready(probe)
    return {"bootstrap_servers": broker}
