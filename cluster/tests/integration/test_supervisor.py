"""Supervisor and standby with harmless programs: no root, no cluster."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from shop_cluster import supervisor
from shop_cluster.paths import ClusterPaths
from shop_cluster.processes import MARK, command_line, marked, pid_of, wait_gone
from shop_cluster.program import Program
from shop_cluster.up import _supervise

SECONDS = 120


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
    listed = [Program(name=name, command=tuple(words)) for name, words in programs.items()]
    listed.append(supervisor.standby(paths))
    paths.programs.write_text(json.dumps([asdict(program) for program in listed]))
    running = pid_of(paths, "supervisor")
    if running is None:
        supervisor.start(paths)
    else:
        os.kill(running, signal.SIGHUP)
    for name in programs:
        eventually(lambda name=name: pid_of(paths, name))  # type: ignore[misc]  # bound at once
    eventually(lambda: pid_of(paths, supervisor.STANDBY))


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


def test_supervisor_and_standby_bring_each_other_back(paths: ClusterPaths) -> None:
    supervise(paths, sleeper=["sleep", "1000"])
    sleeper = pid_of(paths, "sleeper")
    for name in ("supervisor", supervisor.STANDBY, "supervisor"):
        before = kill(paths, name)
        eventually(lambda name=name, before=before: pid_of(paths, name) not in (None, before))  # type: ignore[misc]  # bound at once
        eventually(lambda: pid_of(paths, supervisor.STANDBY))
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


def test_the_pair_of_the_version_before_makes_way(paths: ClusterPaths) -> None:
    """That one had a guard in place of a standby, and locked a file that nobody locks now."""
    before = {}
    for name in ("guard", "supervisor"):
        environment = {**os.environ, MARK: str(paths.state)}
        before[name] = subprocess.Popen(["sleep", "1000"], env=environment)
        (paths.pids / name).write_text(str(before[name].pid))
    programs = [Program(name="sleeper", command=("sleep", "2000")), supervisor.standby(paths)]
    _supervise(paths, programs)
    eventually(lambda: pid_of(paths, "sleeper"))
    eventually(lambda: pid_of(paths, supervisor.STANDBY))
    assert [process.wait(SECONDS) for process in before.values()] == [-signal.SIGKILL] * 2
    assert pid_of(paths, "supervisor") != before["supervisor"].pid


def test_a_program_that_leaves_the_list_is_ended(paths: ClusterPaths) -> None:
    supervise(paths, sleeper=["sleep", "1000"], other=["sleep", "2000"])
    sleeper = pid_of(paths, "sleeper")
    supervise(paths, sleeper=["sleep", "1000"])
    eventually(lambda: pid_of(paths, "other") is None)
    assert pid_of(paths, "sleeper") == sleeper


def supervisors(paths: ClusterPaths) -> list[int]:
    """Return the pids of those that supervise, or would at once if they could."""
    waiting = pid_of(paths, supervisor.STANDBY)
    return [
        pid
        for pid in marked(paths)
        if pid != waiting and "shop_cluster.supervisor" in command_line(pid)
    ]


def test_only_one_supervises(paths: ClusterPaths) -> None:
    supervise(paths, sleeper=["sleep", "1000"])
    before = pid_of(paths, "supervisor")
    for _ in range(3):
        supervisor.start(paths)
    eventually(lambda: len(supervisors(paths)) == 1)
    assert pid_of(paths, "supervisor") == before


def test_only_one_supervises_when_what_a_reboot_takes_is_taken(paths: ClusterPaths) -> None:
    """The race of a power cut: /run is emptied while a supervisor lives or is just being born."""
    supervise(paths, sleeper=["sleep", "1000"])
    before = pid_of(paths, "supervisor")
    assert before is not None
    shutil.rmtree(paths.run)
    paths.pids.mkdir(parents=True)
    supervisor.start(paths)
    time.sleep(1)  # as long as it takes to start what would be the second
    assert pid_of(paths, "supervisor") is None
    assert command_line(before)


def test_nobody_takes_over_while_a_program_is_being_started(
    paths: ClusterPaths, tmp_path: Path
) -> None:
    """Killed between a program's fork and the file with its pid: the program must not be lost."""
    starts, gate = tmp_path / "starts", tmp_path / "gate"
    announcement = paths.pids / "late.new"
    supervise(paths, sleeper=["sleep", "1000"])
    chief = pid_of(paths, "supervisor")
    assert chief is not None
    os.mkfifo(announcement)  # who writes there waits for a reader
    os.link(announcement, gate)
    late = Program(name="late", command=("sh", "-c", f"echo $$ >> {starts}; sleep 1000; true"))
    listed = json.loads(paths.programs.read_text())
    paths.programs.write_text(json.dumps([*listed, asdict(late)]))
    os.kill(chief, signal.SIGHUP)
    eventually(lambda: [pid for pid in marked(paths) if str(starts) in str(command_line(pid))])
    [born] = [pid for pid in marked(paths) if str(starts) in str(command_line(pid))]
    os.kill(chief, signal.SIGKILL)
    time.sleep(1)  # a standby would take over in a tenth of it
    assert pid_of(paths, "supervisor") is None
    announcement.unlink()
    announcement.write_text(str(born))
    gate.read_text()
    eventually(lambda: pid_of(paths, "supervisor") not in (None, chief))
    eventually(lambda: pid_of(paths, supervisor.STANDBY))
    eventually(starts.exists)
    assert starts.read_text() == f"{born}\n"
    assert pid_of(paths, "late") == born


def test_no_program_is_started_twice_however_often_supervisors_die(
    paths: ClusterPaths, tmp_path: Path
) -> None:
    starts = tmp_path / "starts"
    once = ["sh", "-c", f"echo $$ >> {starts}; while :; do sleep 100; done"]
    supervise(paths, first=once, second=["sleep", "2000"])
    for number in range(5):
        # A new program each time, so that many a supervisor dies in the midst of starting it.
        listed = json.loads(paths.programs.read_text())
        new = Program(name=f"new-{number}", command=tuple(once))
        paths.programs.write_text(json.dumps([*listed, asdict(new)]))
        chief = pid_of(paths, "supervisor")
        assert chief is not None
        os.kill(chief, signal.SIGHUP)
        time.sleep(number * 0.001)
        os.kill(chief, signal.SIGKILL)
        eventually(lambda chief=chief: pid_of(paths, "supervisor") not in (None, chief))  # type: ignore[misc]  # bound at once
        eventually(lambda: pid_of(paths, supervisor.STANDBY))
    for number in range(5):
        eventually(lambda number=number: pid_of(paths, f"new-{number}"))  # type: ignore[misc]  # bound at once
    eventually(lambda: len(starts.read_text().split()) >= 6)
    assert len(starts.read_text().split()) == 6
    assert len(supervisors(paths)) == 1
