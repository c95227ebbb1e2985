"""A set of servers as its clients see it, and where the kept set and a run's own sets are found."""

import json
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shop_cluster.processes import detach, wait_for_end
from shop_servers.instance import Facts, ServerError
from shop_servers.packages import cache, locked

SOCKET_WITHIN = 30.0
"""Seconds for a host to listen."""


@dataclass(frozen=True, kw_only=True)
class ServerSet:
    """One set: a file that names its folder, and who it must not outlive."""

    state: Path
    owner: int | None = None
    durable: bool = False

    def need(self, *names: str) -> dict[str, Facts]:
        """Facts of the named servers, started if they don't run; raises ServerError."""
        self._ensure_host()
        facts: dict[str, Facts] = self._ask({"need": names})["facts"]
        return facts

    def prepare(self, *names: str) -> None:
        """Begin to start the named servers and don't wait."""
        self._ensure_host()
        with self._connect() as connection:
            connection.sendall(_line({"need": names}))

    def send(self, name: str, what: signal.Signals) -> None:
        """Send a signal to a server; after SIGKILL it is down until the next `need`."""
        self._ask({"signal": name, "number": int(what)})

    def status(self) -> dict[str, Any] | None:
        """What runs, or None when the set is down."""
        return self._ask({"status": True}) if self.is_up() else None

    def down(self) -> None:
        """End the set, if it is up, and wait until it is gone."""
        status = self.status()
        if status is None:
            return
        self._ask({"down": True})
        wait_for_end(status["pid"])
        self.state.unlink(missing_ok=True)

    def is_up(self) -> bool:
        """Whether the set's host answers."""
        try:
            self._connect().close()
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            return False
        return True

    def _ensure_host(self) -> None:
        if self.is_up():
            return
        with locked(self.state.with_suffix(".lock")):
            if self.is_up():
                return
            directory = Path(tempfile.mkdtemp(prefix="minishop-servers-"))
            directory.chmod(0o711)  # servers that don't run as root pass through
            self._spawn(directory)
            self.state.write_text(str(directory))
            deadline = time.monotonic() + SOCKET_WITHIN
            while not self.is_up():
                if time.monotonic() > deadline:
                    raise ServerError((directory / "host.log").read_text())
                time.sleep(0.02)

    def _spawn(self, directory: Path) -> None:
        command = [sys.executable, "-m", "shop_servers.host", str(directory)]
        command += ["--owner", str(self.owner)] if self.owner else []
        command += ["--durable"] if self.durable else []
        detach(command, log=directory / "host.log", environment={})

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(Path(self.state.read_text()) / "socket"))
        except OSError:
            connection.close()
            raise
        return connection

    def _ask(self, request: Mapping[str, object]) -> dict[str, Any]:
        with self._connect() as connection, connection.makefile("rb") as answers:
            connection.sendall(_line(request))
            answer: dict[str, Any] = json.loads(answers.readline())
        if "error" in answer:
            raise ServerError(answer["error"])
        return answer


def kept() -> ServerSet:
    """The set that `python -m shop_servers up` keeps running for this user."""
    home = cache() / "servers"
    home.mkdir(exist_ok=True)
    return ServerSet(state=home / "kept")


def _line(request: Mapping[str, object]) -> bytes:
    return json.dumps(request).encode() + b"\n"
