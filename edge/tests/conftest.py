"""kong-standin and the Envoy that it drives, as processes on free ports."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from .backend import Backend

PROGRAM = Path(sys.executable).with_name("kong-standin")
SECONDS = 120.0


@dataclass(frozen=True)
class Edge:
    admin: str
    status: str
    http: str
    https: str
    folder: Path
    envoy_admin: int

    def configure(self, document: dict[str, Any]) -> httpx.Response:
        return httpx.post(
            f"{self.admin}/config?check_hash=1&flatten_errors=1", json=document, timeout=SECONDS
        )

    def take(self, document: dict[str, Any]) -> None:
        answer = self.configure(document)
        assert answer.status_code == 201, answer.text


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """One for the tests of a module: each says first how it is to be configured."""
    with running(tmp_path_factory.mktemp("kong")) as found:
        yield found


@pytest.fixture
def new_edge(tmp_path: Path) -> Iterator[Edge]:
    """One that nobody has configured."""
    with running(tmp_path) as found:
        yield found


@contextmanager
def running(folder: Path) -> Iterator[Edge]:
    http, https, envoy_admin, admin, status = _free_ports(5)
    words = [str(PROGRAM), f"--folder={folder}", f"--http={http}", f"--https={https}"]
    words.append(f"--envoy-admin={envoy_admin}")
    log = (folder / "log").open("w")
    processes = [
        subprocess.Popen([*words, *command], stdout=log, stderr=log)
        for command in (
            ("serve", f"--admin={admin}", f"--status={status}"),
            ("envoy",),
        )
    ]
    found = Edge(
        admin=f"http://127.0.0.1:{admin}",
        status=f"http://127.0.0.1:{status}",
        http=f"http://127.0.0.1:{http}",
        https=f"https://127.0.0.1:{https}",
        folder=folder,
        envoy_admin=envoy_admin,
    )
    try:
        for url in (f"{found.admin}/status", found.http):
            _wait(url)
        yield found
    finally:
        for each in processes:
            os.kill(each.pid, signal.SIGTERM)
        for each in processes:
            each.wait(SECONDS)
        log.close()
        print((folder / "log").read_text()[-4000:])  # noqa: T201 - shown when a test fails


def _wait(url: str) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            httpx.get(url)
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@pytest.fixture
def backends() -> Iterator[list[Backend]]:
    found = [Backend(), Backend()]
    yield found
    for each in found:
        each.close()
