"""Takes the embedded cluster away: processes, pods, mounts, links, rules and data."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from shop_cluster import cgroups, network, supervisor
from shop_cluster.errors import ClusterError
from shop_cluster.paths import ClusterPaths
from shop_cluster.processes import kill, marked, pid_of, wait_gone
from shop_cluster.progress import say
from shop_cluster.shell import run

_END_SECONDS = 10
_INTERRUPT_SECONDS = 60
# The kubelet links every container's log here; the path is fixed in its source.
_CONTAINER_LOGS = Path("/var/log/containers")
_POD_LOGS = Path("/var/log/pods")


def down(paths: ClusterPaths) -> None:
    """Remove everything but what is cached for the next cluster; harmless when there is none.

    Raises:
        ClusterError: a process or a mount that cannot be removed is named.

    """
    _interrupt_up(paths)
    if not paths.state.exists() and not paths.run.exists():
        return
    tear_down(paths)
    if paths.state.exists():
        shutil.rmtree(paths.state)


def tear_down(paths: ClusterPaths) -> None:
    """Remove everything but the cache and the logs."""
    # First the list and those who act on it, so that nothing is brought back.
    paths.programs.unlink(missing_ok=True)
    for name in (supervisor.STANDBY, "supervisor", "kubelet"):
        pid = pid_of(paths, name)
        if pid is not None:
            kill(pid, signal.SIGKILL)
            wait_gone([pid], seconds=_END_SECONDS)
    cgroups.destroy(paths.cgroup)
    _forget_containers(paths)
    _end_rest(paths)
    unmount(paths)
    network.restore_host(paths)
    _remove_log_links(paths)
    for entry in paths.state.glob("*"):
        if entry not in (paths.logs, paths.state / "up.lock"):
            _remove(entry)
    _remove(paths.run)


def _interrupt_up(paths: ClusterPaths) -> None:
    """End an `up` that is at work, and wait until it has cleaned up after itself."""
    file = paths.state / "up.lock"
    if not file.exists():
        return
    deadline = time.monotonic() + _INTERRUPT_SECONDS
    with file.open("r") as lock:
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            holder = file.read_text()
            if holder and time.monotonic() < deadline:
                kill(int(holder), signal.SIGTERM)
            elif time.monotonic() > deadline:
                raise ClusterError(f"`make cluster` (pid {holder}) does not stop: kill it")
            time.sleep(0.5)


def _end_rest(paths: ClusterPaths) -> None:
    """Kill what is left. Their data goes too, so there is no good order to wait for."""
    pids = [pid for pid in marked(paths) if pid != os.getpid()]
    for pid in pids:
        kill(pid, signal.SIGKILL)
    left = wait_gone(pids, seconds=_END_SECONDS)
    if left:
        raise ClusterError(f"processes {left} do not end: reboot, then run this again")


def _forget_containers(paths: ClusterPaths) -> None:
    """Drop containers and their snapshots from the image store, which outlives the cluster."""
    if pid_of(paths, "containerd") is None:
        return
    ctr = ("ctr", "--address", str(paths.containerd_socket), "--namespace", "k8s.io")
    deadline = time.monotonic() + _END_SECONDS
    while names := _told(*ctr, "containers", "list", "--quiet").split():
        # containerd takes note of their processes' end meanwhile, so some are refused for now.
        _told(*ctr, "containers", "delete", *names)
        if time.monotonic() > deadline:
            # The next cluster's kubelet removes the containers of pods that it does not know.
            say(f"containerd keeps {len(names)} containers for now")
            return


def _told(*command: str) -> str:
    """Return what a command printed, even when it failed: for those that are asked again."""
    return subprocess.run(command, text=True, capture_output=True, check=False).stdout  # noqa: S603 - fixed words


def unmount(paths: ClusterPaths) -> None:
    """Unmount all that lies under the cluster's folders, the deepest first."""
    ours = (f"{paths.state}/", f"{paths.run}/")
    for _ in range(3):
        points = [point for point in _mounts() if point.startswith(ours)]
        for point in sorted(points, key=len, reverse=True):
            # Lazily: a dying process may hold it for another moment.
            run("umount", "--lazy", point)
    left = [point for point in _mounts() if point.startswith(ours)]
    if left:
        raise ClusterError(f"cannot unmount {left[0]}: end what uses it, then run this again")


def _mounts() -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4].encode().decode("unicode_escape") for line in lines]


def _remove_log_links(paths: ClusterPaths) -> None:
    if _CONTAINER_LOGS.exists():
        for link in _CONTAINER_LOGS.iterdir():
            if link.is_symlink() and str(link.readlink()).startswith(str(paths.state)):
                link.unlink()
    for folder in (_CONTAINER_LOGS, _POD_LOGS):
        # Another cluster's logs keep the folder.
        with contextlib.suppress(OSError):
            folder.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
