"""Processes of this machine; those of a cluster are known by a mark in their environment.

The mark is inherited: containerd's shims carry it too, whoever their parent is by now.
"""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from shop_cluster.paths import ClusterPaths

MARK = "MINISHOP_CLUSTER"


def marked(paths: ClusterPaths) -> list[int]:
    """Return the pids of every process of this cluster, pods' own processes excepted."""
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _is_marked(int(entry.name), paths)
    ]


def pid_of(paths: ClusterPaths, name: str) -> int | None:
    """Return the pid of a program that runs, or None."""
    try:
        pid = int((paths.pids / name).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return pid if _is_marked(pid, paths) else None


def command_line(pid: int) -> tuple[str, ...]:
    """Return the words a process was started with; none when it is gone."""
    return tuple(_proc(pid, "cmdline").decode().split("\0")[:-1])


def kill(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def detach(command: Iterable[str], *, log: Path, environment: Mapping[str, str]) -> None:
    """Run a command in the background, as nobody's child: no signal of a terminal reaches it.

    ``environment`` is added to this process's own.
    """
    with log.open("ab") as output:
        subprocess.run(  # noqa: S603 - our own command lines
            ["/usr/bin/setsid", "--fork", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env={**os.environ, **environment},
            check=True,
        )


def wait_for_end(pid: int) -> None:
    """Wait until a process has ended, whoever its parent is."""
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        select.select([descriptor], [], [])  # readable when it has
        os.close(descriptor)


def wait_gone(pids: Iterable[int], *, seconds: float) -> list[int]:
    """Wait until the processes are gone; return those that still run at the end."""
    deadline = time.monotonic() + seconds
    left = [pid for pid in pids if _runs(pid)]
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [pid for pid in left if _runs(pid)]
    return left


def _runs(pid: int) -> bool:
    stat = _proc(pid, "stat")
    return bool(stat) and stat.rpartition(b")")[2].split()[0] != b"Z"


def _is_marked(pid: int, paths: ClusterPaths) -> bool:
    mark = f"{MARK}={paths.state}".encode()
    return mark in _proc(pid, "environ").split(b"\0")


def _proc(pid: int, file: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        # Gone, or shut even to root (a hardened init): not one of ours.
        return b""
