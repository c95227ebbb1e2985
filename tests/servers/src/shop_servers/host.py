"""The process that owns a set of servers: `python -m shop_servers.host DIRECTORY`.

It listens on a Unix socket in the set's folder, one JSON object a line: `{"need": ["kafka"]}`
starts what does not run yet and answers with the facts; `{"signal": "kafka", "number": 9}`,
`{"status": true}` and `{"down": true}` do what they say. With an owner (`--owner PID`) it ends when
the owner ends, in whatever way.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shop_servers import connect, docker_daemon, kafka, mongodb, openbao, postgres, rabbitmq, redis
from shop_servers.instance import Facts, ServerError, ServerInstance

SOCKET = "socket"


@dataclass(frozen=True)
class Kind:
    """How to run one kind of server."""

    start: Callable[[ServerInstance], Awaitable[Facts]]
    needs: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = {
    "postgres": Kind(postgres.start),
    "mongodb": Kind(mongodb.start),
    "redis": Kind(redis.start),
    "rabbitmq": Kind(rabbitmq.start),
    "kafka": Kind(kafka.start),
    "connect": Kind(connect.start, needs=("kafka",)),
    "openbao": Kind(openbao.start),
}


def kinds() -> Mapping[str, Kind]:
    """How servers are run here: as containers where Docker is and knows them, else as processes."""
    if not docker_daemon.wanted():
        return KINDS
    from shop_servers import containers  # noqa: PLC0415 - Docker's client is slow to load

    starts = containers.STARTS
    return {name: replace(kind, start=starts.get(name, kind.start)) for name, kind in KINDS.items()}


class Host:
    """Starts servers at most once at a time and ends them together."""

    def __init__(self, directory: Path, kinds: Mapping[str, Kind], *, durable: bool) -> None:
        self._directory = directory
        self._kinds = kinds
        self._durable = durable
        self._instances: dict[str, ServerInstance] = {}
        self._starting: dict[str, asyncio.Task[Facts]] = {}
        self.ended = asyncio.Event()

    async def need(self, names: list[str]) -> dict[str, Facts]:
        """Facts of the named servers, all running; starts those that don't, at the same time."""
        return dict(zip(names, await asyncio.gather(*map(self._running, names)), strict=True))

    async def _running(self, name: str) -> Facts:
        others = await self.need(list(self._kinds[name].needs))
        task = self._starting.get(name)
        failed = task is not None and task.done() and (task.cancelled() or task.exception())
        if task is None or failed or (task.done() and not self._instances[name].alive):
            task = self._starting[name] = asyncio.create_task(self._start(name, others))
        return await asyncio.shield(task)

    async def _start(self, name: str, others: dict[str, Facts]) -> Facts:
        if name not in self._instances:
            directory = self._directory / name
            self._instances[name] = ServerInstance(
                name=name, directory=directory, durable=self._durable
            )
            self._instances[name].make_directory()
        instance = self._instances[name]
        await instance.kill()  # what is left of a start that failed, or of a crash
        instance.others = others
        return await self._kinds[name].start(instance)

    async def send(self, name: str, what: signal.Signals) -> None:
        """Send a signal to a server; after SIGKILL it is gone until it is needed again."""
        instance = self._instances[name]
        if what is signal.SIGKILL:
            await instance.kill()
        else:
            instance.send(what)

    def status(self) -> dict[str, dict[str, Any]]:
        """What runs: facts, process ids and log of each server."""
        return {
            name: {
                "running": instance.alive,
                "pids": [process.pid for process in instance.processes],
                "log": str(instance.log),
                "facts": dict(self._facts(name)),
            }
            for name, instance in self._instances.items()
        }

    def _facts(self, name: str) -> Facts:
        task = self._starting[name]
        started = task.done() and not task.cancelled() and task.exception() is None
        return task.result() if started else {}

    async def end(self) -> None:
        """Stop every server and forget the data."""
        for task in self._starting.values():
            task.cancel()
        await asyncio.gather(*self._starting.values(), return_exceptions=True)
        await asyncio.gather(*(instance.stop() for instance in self._instances.values()))
        shutil.rmtree(self._directory, ignore_errors=True)

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request; a failure is an answer too."""
        match request:
            case {"need": list(names)}:
                return {"facts": await self.need(names)}
            case {"signal": str(name), "number": int(number)}:
                await self.send(name, signal.Signals(number))
                return {}
            case {"status": _}:
                return {"servers": self.status(), "pid": os.getpid()}
            case {"down": _}:
                self.ended.set()
                return {}
        raise ValueError(f"not a request: {request}")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it hangs up."""
        while line := await reader.readline():
            try:
                answer = await self.answer(json.loads(line))
            except Exception as error:  # noqa: BLE001 - told to the client, who raises it
                answer = {"error": str(error) if isinstance(error, ServerError) else repr(error)}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()


async def _owner_ends(pid: int) -> None:
    gone = asyncio.Event()
    descriptor = os.pidfd_open(pid)
    asyncio.get_running_loop().add_reader(descriptor, gone.set)
    await gone.wait()


async def run(directory: Path, *, owner: int | None, durable: bool) -> None:
    """Serve until told to end, signalled, or without an owner."""
    host = Host(directory, kinds(), durable=durable)
    loop = asyncio.get_running_loop()
    for what in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(what, host.ended.set)
    listening = await asyncio.start_unix_server(host.serve, directory / SOCKET)
    ends: list[asyncio.Task[Any]] = [asyncio.create_task(host.ended.wait())]
    if owner is not None:
        ends.append(asyncio.create_task(_owner_ends(owner)))
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        listening.close()
        await host.end()


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--owner", type=int)
    parser.add_argument("--durable", action="store_true")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.directory, owner=arguments.owner, durable=arguments.durable))


if __name__ == "__main__":
    main()
