"""What a cluster may leave on this machine, read from the kernel: equal before and after it."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from shop_cluster.podman import PodmanPaths

# Rules, links and tables of an embedded cluster that runs meanwhile.
_OTHERS = re.compile(r"KUBE-|CNI-|kubernetes")
_COUNTERS = re.compile(r"\[\d+:\d+\]")
_GROUP = "libpod_parent"


class Traces(NamedTuple):
    """Firewall rules, network links, control groups, mounts, processes and folders."""

    rules: set[str]
    links: set[str]
    groups: set[str]
    mounts: set[str]
    processes: set[str]
    folders: set[str]


def traces() -> Traces:
    """Return what there is now of what podman and kind make."""
    paths = PodmanPaths.of_this_machine()
    ours = (str(paths.state), str(paths.run))
    mounts = (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return Traces(
        rules={
            f"{command} {_COUNTERS.sub('', line)}"
            for command in ("iptables-save", "ip6tables-save")
            for line in _lines(command)
            if line.startswith((":", "-A")) and not _OTHERS.search(line)
        },
        links={link.name for link in Path("/sys/class/net").glob("podman*")},
        groups={str(found) for found in Path("/sys/fs/cgroup").glob(f"*/{_GROUP}/")},
        mounts={point for point in mounts if point.startswith(ours)},
        processes={
            line for line in _lines("ps", "-eo", "args") if line.startswith("/usr/bin/conmon")
        },
        folders={folder for folder in ours if Path(folder).exists()},
    )


def _lines(*command: str) -> list[str]:
    done = subprocess.run(command, text=True, capture_output=True, check=True)
    return done.stdout.splitlines()
