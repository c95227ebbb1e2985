"""Supervisor and guard with harmless programs: no root, no cluster."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shop_cluster import supervisor
from shop_cluster.paths import ClusterPaths
from shop_cluster.processes import command_line, marked, pid_of, wait_gone

SECONDS = 20


def eventually(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[ClusterPaths]:
    paths = ClusterPaths(state=tmp_path / "state", run=tmp_path / "run")
    for folder in (paths.logs, paths.pids):
        folder.mkdir(parents=True)
    yield paths
    paths.programs.unlink()
    left = marked(paths)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    wait_gone(left, seconds=SECONDS)


def supervise(paths: ClusterPaths, **programs: list[str]) -> None:
    guard = [sys.executable, "-m", "shop_cluster.guard", str(paths.state), str(paths.run)]
    listed = [
        {"name": name, "command": command, "environment": {}}
        for name, command in {**programs, "guard": guard}.items()
    ]
    paths.programs.write_text(json.dumps(listed))
    running = pid_of(paths, "supervisor")
    if running is None:
        supervisor.start(paths)
    else:
        os.kill(running, signal.SIGHUP)
    for name in programs:
        eventually(lambda name=name: pid_of(paths, name))  # type: ignore[misc]  # bound at once
    eventually(lambda: pid_of(paths, "guard"))


def kill(paths: ClusterPaths, name: str) -> int:
    pid = pid_of(paths, name)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: pid_of(paths, name) != pid)
    return pid


def test_what_ends_is_started_again(paths: ClusterPaths) -> None:
    supervise(paths, sleeper=["sleep", "1000"])
    before = kill(paths, "sleeper")
    eventually(lambda: pid_of(paths, "sleeper") not in (None, before))


def test_supervisor_and_guard_bring_each_other_back(paths: ClusterPaths) -> None:
    supervise(paths, sleeper=["sleep", "1000"])
    sleeper = pid_of(paths, "sleeper")
    for name in ("supervisor", "guard", "supervisor"):
        before = kill(paths, name)
        eventually(lambda name=name, before=before: pid_of(paths, name) not in (None, before))  # type: ignore[misc]  # bound at once
    assert pid_of(paths, "sleeper") == sleeper


def test_an_adopted_program_is_started_again_too(paths: ClusterPaths) -> None:
    supervise(paths, sleeper=["sleep", "1000"])
    before = kill(paths, "supervisor")
    eventually(lambda: pid_of(paths, "supervisor") not in (None, before))
    sleeper = kill(paths, "sleeper")
    eventually(lambda: pid_of(paths, "sleeper") not in (None, sleeper))


def test_a_changed_command_replaces_the_program(paths: ClusterPaths) -> None:
    supervise(paths, sleeper=["sleep", "1000"], other=["sleep", "2000"])
    other = pid_of(paths, "other")
    supervise(paths, sleeper=["sleep", "3000"], other=["sleep", "2000"])
    eventually(lambda: (pid := pid_of(paths, "sleeper")) and command_line(pid) == ("sleep", "3000"))
    assert pid_of(paths, "other") == other


def supervisors(paths: ClusterPaths) -> list[int]:
    return [pid for pid in marked(paths) if "shop_cluster.supervisor" in command_line(pid)]


def test_only_one_supervises(paths: ClusterPaths) -> None:
    supervise(paths, sleeper=["sleep", "1000"])
    before = pid_of(paths, "supervisor")
    supervisor.start(paths)
    eventually(lambda: len(supervisors(paths)) == 1)
    assert pid_of(paths, "supervisor") == before
