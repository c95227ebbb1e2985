"""A set ends with its owner, in whatever way that ends, and leaves nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from shop_servers.server_set import ServerSet

from shop_cluster.processes import wait_gone

OWNER = """
import os, signal, sys, time
from pathlib import Path
from shop_cluster.processes import wait_gone
from shop_servers.server_set import ServerSet
# Who runs the tests in the background has it ignored, and its children with it.
signal.signal(signal.SIGINT, signal.default_int_handler)
ServerSet(state=Path(sys.argv[1]), owner=os.getpid()).need("redis", "postgres")
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "set")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def pids(servers: ServerSet) -> set[int]:
    status = servers.status()
    assert status is not None
    return {status["pid"], *(pid for s in status["servers"].values() for pid in s["pids"])}


def assert_gone(processes: set[int]) -> None:
    assert wait_gone(processes, seconds=60) == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_set_ends_with_its_owner(
    tmp_path: Path, owner: subprocess.Popen[str], how: signal.Signals
) -> None:
    processes = pids(ServerSet(state=tmp_path / "set"))
    directory = Path((tmp_path / "set").read_text())
    assert len(processes) == 3
    owner.send_signal(how)
    owner.wait()
    assert_gone(processes)
    assert not directory.exists()


def test_the_servers_end_with_a_host_that_is_killed(
    tmp_path: Path, owner: subprocess.Popen[str]
) -> None:
    servers = ServerSet(state=tmp_path / "set")
    status = servers.status()
    assert status is not None
    processes = pids(servers)
    os.kill(status["pid"], signal.SIGKILL)
    assert_gone(processes)
    shutil.rmtree((tmp_path / "set").read_text())  # data are all that is left of such an end


def test_what_was_killed_is_started_again_with_its_data(
    tmp_path: Path, owner: subprocess.Popen[str]
) -> None:
    servers = ServerSet(state=tmp_path / "set")
    before = servers.need("postgres")
    processes = pids(servers)
    servers.send("postgres", signal.SIGKILL)
    assert servers.need("postgres") == before
    assert pids(servers) != processes
