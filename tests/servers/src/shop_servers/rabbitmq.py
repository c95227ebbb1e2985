"""RabbitMQ from Debian, with its management API (which makes virtual hosts for tests)."""

from pathlib import Path

import httpx

from shop_servers.instance import Facts, ServerInstance
from shop_servers.packages import debian

USER = "rabbitmq"
# Debian's /usr/sbin/rabbitmq-server insists on its own folders and user.
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
HOST_NAME = "127.0.0.1"


async def start(instance: ServerInstance) -> Facts:
    """Start RabbitMQ; `url` is AMQP without a virtual host, `management_url` the HTTP API."""
    await debian("rabbitmq-server", SERVER)
    home = instance.make_directory("home", user=USER)
    (home / "rabbitmq.conf").write_text(configuration(instance))
    (home / "plugins").write_text("[rabbitmq_management].\n")
    # An own epmd in the foreground: the one that Erlang would start stays for ever.
    names = erlang(instance)
    await instance.spawn([await debian("erlang-base", "epmd")], user=USER, env=names)
    await instance.spawn(
        [SERVER],
        user=USER,
        env={
            **names,
            "HOME": str(home),
            "RUNNING_UNDER_SYSTEMD": "1",  # no shell between us and the Erlang machine
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
        },
    )
    return await ready(instance)


def configuration(instance: ServerInstance) -> str:
    """The content of rabbitmq.conf."""
    return (
        f"listeners.tcp.local = 127.0.0.1:{instance.port()}\n"
        f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {instance.port('management')}\n"
        "log.console = true\nlog.file = false\nlog.console.level = warning\n"
    )


def erlang(instance: ServerInstance) -> dict[str, str]:
    """The environment by which Erlang's nodes find each other, and spin less."""
    return {
        "ERL_EPMD_PORT": str(instance.port("epmd")),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"shop{instance.port()}@{HOST_NAME}",
        "RABBITMQ_USE_LONGNAME": "true",
        "RABBITMQ_DIST_PORT": str(instance.port("distribution")),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none",
    }


async def ready(instance: ServerInstance) -> Facts:
    """Wait for it."""
    management = f"http://127.0.0.1:{instance.port('management')}"

    async def probe() -> None:
        async with httpx.AsyncClient(auth=("guest", "guest")) as client:
            (await client.get(f"{management}/api/health/checks/local-alarms")).raise_for_status()

    await instance.listening(instance.port("management"))
    await instance.ready(probe)
    return {"url": f"amqp://guest:guest@127.0.0.1:{instance.port()}", "management_url": management}
