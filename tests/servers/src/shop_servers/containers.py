"""The same servers as containers, by testcontainers, where a Docker daemon answers.

On the host's network, with the ports, settings and readiness of the processes: whoever uses a
server does not see which it is. Written where no daemon runs, and so untried (ADR 0035).
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from docker.errors import APIError
from testcontainers.core.container import DockerContainer

from shop_servers import connect, kafka, mongodb, postgres, rabbitmq, redis
from shop_servers.instance import Facts, ServerError, ServerInstance

_PROPERTIES = "/tmp/server.properties"
_DATA = "/tmp/data"
_KEY = "/etc/mongo-keyfile"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What to run; files are copied into the container before it starts, by their path."""

    image: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


def recipe(name: str, instance: ServerInstance) -> Recipe:
    """How to run a server of this kind with the settings that its process would have."""
    match name:
        case "postgres":
            return Recipe(
                image="postgres:15",
                command=["postgres", *postgres.flags(instance)],
                environment={
                    "POSTGRES_PASSWORD": postgres.PASSWORD,
                    # Else the image lets everybody in who comes from this machine.
                    "POSTGRES_INITDB_ARGS": "--auth-host=scram-sha-256",
                },
            )
        case "mongodb":
            run = f"chmod 400 {_KEY} && chown mongodb {_KEY} && exec docker-entrypoint.sh mongod"
            return Recipe(
                image="mongo:6.0",
                command=_shell(f'{run} --keyFile {_KEY} "$@"', *mongodb.flags(instance)),
                files={_KEY: mongodb.KEY},
            )
        case "redis":
            return Recipe(image="redis:7", command=["redis-server", *redis.flags(instance)])
        case "rabbitmq":
            return Recipe(
                image="rabbitmq:3-management",
                command=["rabbitmq-server"],
                environment=rabbitmq.erlang(instance),
                files={"/etc/rabbitmq/conf.d/90-tests.conf": rabbitmq.configuration(instance)},
            )
        case "kafka":
            tools = "/opt/kafka/bin"
            set_up = f"{tools}/kafka-storage.sh format --ignore-formatted"
            return Recipe(
                image="apache/kafka:4.1.1",
                command=_shell(
                    f"{set_up} -t {kafka.CLUSTER_ID} -c {_PROPERTIES}"
                    f" && exec {tools}/kafka-server-start.sh {_PROPERTIES}"
                ),
                files={_PROPERTIES: kafka.configuration(instance, data=_DATA)},
            )
        case "connect":
            return Recipe(
                image="quay.io/debezium/connect:3.3",
                command=_shell(f"exec /kafka/bin/connect-distributed.sh {_PROPERTIES}"),
                files={_PROPERTIES: connect.configuration(instance, plugins="/kafka/connect")},
            )
    raise ServerError(f"no container for {name}")


def _shell(script: str, *arguments: str) -> list[str]:
    return ["bash", "-c", script, "bash", *arguments]


_READY: Mapping[str, Callable[[ServerInstance], Awaitable[Facts]]] = {
    "postgres": postgres.ready,
    "mongodb": mongodb.ready,
    "redis": redis.ready,
    "rabbitmq": rabbitmq.ready,
    "kafka": kafka.ready,
    "connect": connect.ready,
}


class Container:
    """A container as `instance.Running`; killed, it can be started again with its data."""

    def __init__(self, container: DockerContainer) -> None:
        self.container = container

    @property
    def _docker(self) -> Any:
        return self.container.get_wrapped_container()

    @property
    def pid(self) -> int:
        """None of this machine's."""
        return 0

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        self._docker.reload()
        return bool(self._docker.status == "running")

    async def wait(self) -> object:
        """Wait for its end."""
        return await asyncio.to_thread(self._docker.wait)

    def send(self, what: signal.Signals) -> None:
        """Send a signal, if it runs."""
        with suppress(APIError):  # it has ended meanwhile
            if self.alive:
                self._docker.kill(signal=what.name)


_made: dict[str, Container] = {}
"""By the folder of their instance: of this process, which is a host."""


async def start(name: str, instance: ServerInstance) -> Facts:
    """Start a server's container, or once more the one that was killed."""
    made = _made.get(str(instance.directory))
    if made is None:
        made = _made[str(instance.directory)] = await asyncio.to_thread(_create, name, instance)
        instance.after_stop = made.container.stop  # which removes it
    else:
        await asyncio.to_thread(made.container.get_wrapped_container().start)
    instance.processes.append(made)
    facts = await _READY[name](instance)
    instance.log.write_bytes(b"see the container's log\n")
    return facts


def _create(name: str, instance: ServerInstance) -> Container:
    wanted = recipe(name, instance)
    container = (
        DockerContainer(wanted.image)
        .with_command(list(wanted.command))
        .with_envs(**wanted.environment)
        .with_kwargs(network_mode="host")
    )
    for path, content in wanted.files.items():
        container.with_copy_into_container(content.encode(), path)
    return Container(container.start())


STARTS: Mapping[str, Callable[[ServerInstance], Awaitable[Facts]]] = {
    name: partial(start, name) for name in _READY
}
"""As `host.KINDS` has them for processes."""
