"""The pods' branch of the control groups: made before the kubelet, emptied after it.

Works on the unified hierarchy (v2) and on a host that still has one mount a controller (v1).
"""

import os
import signal
import time
from pathlib import Path

from shop_cluster.errors import ClusterError
from shop_cluster.processes import kill

_ROOT = Path("/sys/fs/cgroup")
_NEEDED = ("cpu", "memory", "pids")
_END_SECONDS = 10
_WEIGHT = 8
"""The pods' part of a busy machine, in those of a process that belongs to no group.

All pods together count as one process otherwise: beside a build on every core the probes of a shop
of forty programs fail. What they don't use is everybody's.
"""


def check(root: Path = _ROOT) -> None:
    """Raise ClusterError when this machine has no control groups to put pods in."""
    unified = root / "cgroup.controllers"
    if unified.exists():
        offered = unified.read_text().split()
    else:
        offered = [name for name in _NEEDED if (root / name / "cgroup.procs").exists()]
    missing = [name for name in _NEEDED if name not in offered]
    if missing:
        raise ClusterError(
            f"no control groups for {', '.join(missing)} under {root}: mount cgroup2 there"
            " (in a container: run it privileged)"
        )


def create(name: str) -> None:
    """Make the branch in every hierarchy."""
    for branch in _branches(name):
        branch.mkdir(exist_ok=True)
        if branch.parent.name == "cpuset":
            # A v1 cpuset starts empty, and takes no process until it has been told of some.
            for file in ("cpuset.cpus", "cpuset.mems"):
                (branch / file).write_text((branch.parent / file).read_text())
        # v2, v1: the kernel's default times the weight.
        for file, default in (("cpu.weight", 100), ("cpu.shares", 1024)):
            if (branch / file).exists():
                (branch / file).write_text(str(default * _WEIGHT))


def destroy(name: str) -> None:
    """Kill every process in the branch and remove it.

    Raises:
        ClusterError: a process did not die within ten seconds.

    """
    deadline = time.monotonic() + _END_SECONDS
    branches = [branch for branch in _branches(name) if branch.exists()]
    while pids := {pid for branch in branches for pid in _pids(branch)}:
        for pid in pids:
            kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise ClusterError(f"processes of pods do not end: {sorted(pids)}")
        time.sleep(0.05)
    for branch in branches:
        _remove(branch)


def remove_unused(name: str) -> None:
    """Remove a branch, with what is below it, from every hierarchy where no process is in it."""
    for branch in _branches(name):
        if branch.exists() and not _pids(branch):
            _remove(branch)


def _remove(branch: Path) -> None:
    for folder, _, _ in os.walk(branch, topdown=False):
        Path(folder).rmdir()


def _unified() -> bool:
    return (_ROOT / "cgroup.controllers").exists()


def _branches(name: str) -> list[Path]:
    if _unified():
        return [_ROOT / name]
    return [
        folder / name
        for folder in sorted(_ROOT.iterdir())
        if folder.is_dir() and not folder.is_symlink() and (folder / "cgroup.procs").exists()
    ]


def _pids(branch: Path) -> list[int]:
    found: list[int] = []
    for folder, _, files in os.walk(branch):
        if "cgroup.procs" in files:
            try:
                found += map(int, (Path(folder) / "cgroup.procs").read_text().split())
            except OSError:  # the group went away between the two looks
                continue
    return found
