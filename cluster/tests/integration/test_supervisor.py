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
from shop_cluster.places import Places
from shop_cluster.processes import command_line, marked, pid_of, wait_gone

SECONDS = 20


def eventually(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    places = Places(state=tmp_path / "state", run=tmp_path / "run")
    for folder in (places.logs, places.pids):
        folder.mkdir(parents=True)
    yield places
    places.programs.unlink()
    left = marked(places)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    wait_gone(left, seconds=SECONDS)


def supervise(places: Places, **programs: list[str]) -> None:
    guard = [sys.executable, "-m", "shop_cluster.guard", str(places.state), str(places.run)]
    listed = [
        {"name": name, "command": command, "environment": {}}
        for name, command in {**programs, "guard": guard}.items()
    ]
    places.programs.write_text(json.dumps(listed))
    running = pid_of(places, "supervisor")
    if running is None:
        supervisor.start(places)
    else:
        os.kill(running, signal.SIGHUP)
    for name in programs:
        eventually(lambda name=name: pid_of(places, name))  # type: ignore[misc]  # bound at once
    eventually(lambda: pid_of(places, "guard"))


def kill(places: Places, name: str) -> int:
    pid = pid_of(places, name)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: pid_of(places, name) != pid)
    return pid


def test_what_ends_is_started_again(places: Places) -> None:
    supervise(places, sleeper=["sleep", "1000"])
    before = kill(places, "sleeper")
    eventually(lambda: pid_of(places, "sleeper") not in (None, before))


def test_supervisor_and_guard_bring_each_other_back(places: Places) -> None:
    supervise(places, sleeper=["sleep", "1000"])
    sleeper = pid_of(places, "sleeper")
    for name in ("supervisor", "guard", "supervisor"):
        before = kill(places, name)
        eventually(lambda name=name, before=before: pid_of(places, name) not in (None, before))  # type: ignore[misc]  # bound at once
    assert pid_of(places, "sleeper") == sleeper


def test_an_adopted_program_is_started_again_too(places: Places) -> None:
    supervise(places, sleeper=["sleep", "1000"])
    before = kill(places, "supervisor")
    eventually(lambda: pid_of(places, "supervisor") not in (None, before))
    sleeper = kill(places, "sleeper")
    eventually(lambda: pid_of(places, "sleeper") not in (None, sleeper))


def test_a_changed_command_replaces_the_program(places: Places) -> None:
    supervise(places, sleeper=["sleep", "1000"], other=["sleep", "2000"])
    other = pid_of(places, "other")
    supervise(places, sleeper=["sleep", "3000"], other=["sleep", "2000"])
    eventually(
        lambda: (pid := pid_of(places, "sleeper")) and command_line(pid) == ("sleep", "3000")
    )
    assert pid_of(places, "other") == other


def supervisors(places: Places) -> list[int]:
    return [pid for pid in marked(places) if "shop_cluster.supervisor" in command_line(pid)]


def test_only_one_supervises(places: Places) -> None:
    supervise(places, sleeper=["sleep", "1000"])
    before = pid_of(places, "supervisor")
    supervisor.start(places)
    eventually(lambda: len(supervisors(places)) == 1)
    assert pid_of(places, "supervisor") == before
