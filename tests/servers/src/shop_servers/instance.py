"""Where one server of a set lives: its folder, its ports, its processes."""

import asyncio
import os
import random
import shutil
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

Facts = Mapping[str, str]
"""What a client must know of a running server, such as its URL."""

# Below the kernel's ephemeral range: no outgoing connection takes a port between choice and use.
PORTS = range(20000, 28000)
READY_WITHIN = 120.0
"""Seconds; generous, for the first start on a loaded machine."""


class ServerError(Exception):
    """A server did not become ready; the message ends with the last lines of its log."""


class Running(Protocol):
    """A process of a server, or its container."""

    @property
    def pid(self) -> int:
        """On this machine; 0 where it has none here."""

    @property
    def alive(self) -> bool:
        """Whether it runs."""

    async def wait(self) -> object:
        """Wait for its end."""

    def send(self, what: signal.Signals) -> None:
        """Send a signal, if it runs."""


@dataclass(frozen=True)
class ProcessGroup:
    """A process with those that it started."""

    process: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        """Of the first."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether the first runs."""
        return self.process.returncode is None

    async def wait(self) -> object:
        """Wait for the first's end."""
        return await self.process.wait()

    def send(self, what: signal.Signals) -> None:
        """Send a signal to all, while the first runs."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, what)


@dataclass(kw_only=True)
class ServerInstance:
    """One server's home; it outlives a crash: a restarted server finds its data and ports again."""

    name: str
    directory: Path
    durable: bool
    """Whether a write must survive a power cut (fsync): benchmarks want it, tests do not."""
    others: Mapping[str, Facts] = field(default_factory=dict)
    processes: list[Running] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)
    # Data are thrown away with the set, so most servers are simply killed.
    stop_with: signal.Signals = signal.SIGKILL
    after_stop: Callable[[], object] = lambda: None

    def port(self, purpose: str = "main") -> int:
        """The same port every time it is asked for the same purpose."""
        if purpose not in self.ports:
            self.ports[purpose] = free_port()
        return self.ports[purpose]

    @property
    def log(self) -> Path:
        """Where all processes of this server write."""
        return self.directory / "server.log"

    def make_directory(self, name: str = "", *, user: str | None = None) -> Path:
        """A folder here, owned by the user who needs it."""
        path = self.directory / name
        path.mkdir(parents=True, exist_ok=True)
        if user and os.geteuid() == 0:
            shutil.chown(path, user, user)
        return path

    async def run(self, argv: Sequence[str | Path], *, user: str | None = None) -> None:
        """Run a command to its end; raises ServerError when it fails."""
        process = await self._execute(argv, user=user, env={})
        if await process.wait() != 0:
            raise ServerError(f"{argv[0]} failed:\n{self.tail()}")

    async def spawn(
        self,
        argv: Sequence[str | Path],
        *,
        user: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start a process that dies with the host, however the host dies."""
        self.processes.append(ProcessGroup(await self._execute(argv, user=user, env=env or {})))

    async def _execute(
        self, argv: Sequence[str | Path], *, user: str | None, env: Mapping[str, str]
    ) -> asyncio.subprocess.Process:
        # The kernel clears the death signal when credentials change: setpriv sets it after.
        command: list[str | Path] = ["setpriv", "--pdeathsig", "KILL"]
        if user and os.geteuid() == 0:
            command += ["--reuid", user, "--regid", user, "--init-groups"]
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command,
                "--",
                *argv,
                cwd=self.directory,
                env={**os.environ, **env},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def ready(self, probe: Callable[[], Awaitable[object]]) -> None:
        """Wait until the probe stops raising; raises ServerError when the process ends before."""
        deadline = asyncio.get_running_loop().time() + READY_WITHIN
        while True:
            try:
                async with asyncio.timeout(10):
                    await probe()
            except Exception as error:  # whatever a client raises while its server is not up
                if not self.alive:
                    raise ServerError(
                        f"{self.name} ended while starting:\n{self.tail()}"
                    ) from error
                if asyncio.get_running_loop().time() > deadline:
                    raise ServerError(
                        f"{self.name} is not ready: {error!r}\n{self.tail()}"
                    ) from error
                await asyncio.sleep(0.05)
            else:
                return

    async def listening(self, port: int) -> None:
        """Wait until something listens on the port: cheaper to ask than a client library."""

        async def probe() -> None:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()

        await self.ready(probe)

    @property
    def alive(self) -> bool:
        """Whether every process of this server runs."""
        return bool(self.processes) and all(process.alive for process in self.processes)

    async def stop(self, *, within: float = 30.0) -> None:
        """End the processes, by force when they don't end within so many seconds."""
        self.send(self.stop_with)
        try:
            async with asyncio.timeout(within):
                await self._ended()
        except TimeoutError:
            await self.kill()
        self.after_stop()

    async def kill(self) -> None:
        """End the processes as a crash would."""
        self.send(signal.SIGKILL)
        await self._ended()
        self.processes.clear()

    async def _ended(self) -> None:
        for process in self.processes:
            await process.wait()

    def send(self, what: signal.Signals) -> None:
        """Send a signal to the processes, such as SIGSTOP and SIGCONT."""
        for process in self.processes:
            process.send(what)

    def tail(self) -> str:
        """The last lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])


def free_port() -> int:
    """Return a loopback port that nothing listens on, and that no other process here was given.

    This process holds the UDP port of that number as long as it lives: so nobody else is given the
    port of a server that is down for a while.
    """
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe, socket.socket(type=socket.SOCK_DGRAM) as holder:
            try:
                probe.bind(("127.0.0.1", port))
                holder.bind(("127.0.0.1", port))
            except OSError:
                continue
            holder.detach()
            return port
    raise ServerError(f"no free port in {PORTS}")
