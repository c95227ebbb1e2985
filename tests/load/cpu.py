"""CPU time of the pods and of Kubernetes itself, by the kernel's own account: control groups.

On the unified hierarchy (v2) and on a host that still has one mount a controller (v1).
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from shop_journey.kubectl import Kubectl
from shop_journey.processes import PROC

from shop_cluster.paths import ClusterPaths
from shop_cluster.processes import marked

CGROUPS = Path("/sys/fs/cgroup")
KUBERNETES = "Kubernetes itself"
_TICKS = os.sysconf("SC_CLK_TCK")
# `pod<uid>`; where systemd makes the groups, the uid has underscores and the folder a suffix.
_POD = re.compile(r"^(.*?pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})[^/]*)(?:/|$)")


def of_processes(pids: Iterable[int]) -> float:
    """Return the seconds that processes have taken since they began. Raises FileNotFoundError."""
    total = 0
    for pid in pids:
        # Fields 14 and 15 of proc(5); the second, the program's name, may hold blanks.
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def pod_groups(proc: Path = PROC, cgroups: Path = CGROUPS) -> dict[str, Path]:
    """Return the folder of each pod that has a process on this machine, by the pod's uid."""
    found = {}
    for entry in proc.glob("[0-9]*/cgroup"):
        try:
            lines = entry.read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        # Only one controller accounts for CPU; without version 1's that is the unified hierarchy.
        hierarchies: dict[str, str] = {}
        for line in lines:
            _, controllers, path = line.split(":", 2)
            hierarchies |= dict.fromkeys(controllers.split(","), path)
        mount, path = (
            (cgroups / "cpuacct", hierarchies["cpuacct"])
            if "cpuacct" in hierarchies
            else (cgroups, hierarchies[""])
        )
        if pod := _POD.match(path):
            found[pod[2].replace("_", "-")] = mount / pod[1].lstrip("/")
    return found


def of_group(folder: Path) -> float:
    """Return the seconds that a group's processes have taken, those that ended too.

    Raises FileNotFoundError.
    """
    nanoseconds = folder / "cpuacct.usage"
    if nanoseconds.exists():
        return int(nanoseconds.read_text()) / 1e9
    fields = dict(line.split() for line in (folder / "cpu.stat").read_text().splitlines())
    return int(fields["usage_usec"]) / 1e6


def name_of(pod: Mapping[str, Any]) -> str:
    """Return what a pod is one of: its `app.kubernetes.io/name` or `app`, else its own name."""
    metadata = pod["metadata"]
    labels = metadata.get("labels", {})
    name: str = labels.get("app.kubernetes.io/name") or labels.get("app") or metadata["name"]
    return name


class Meter:
    """The pods that there were at one moment, and what each kind of them has taken."""

    def __init__(self, names: Mapping[str, str], groups: Mapping[str, Path]) -> None:
        self._parts = [(names[uid], folder) for uid, folder in groups.items() if uid in names]

    @classmethod
    async def of_cluster(cls, kubectl: Kubectl) -> "Meter":
        """Return one of all pods that run now."""
        pods = (await kubectl.get("pods", "--all-namespaces"))["items"]
        return cls({pod["metadata"]["uid"]: name_of(pod) for pod in pods}, pod_groups())

    def read(self) -> dict[str, float]:
        """Return the seconds since each began. Raises SystemExit if a pod is not there any more."""
        taken: dict[str, float] = defaultdict(float)
        for name, folder in self._parts:
            try:
                taken[name] += of_group(folder)
            except FileNotFoundError:
                raise SystemExit(f"a pod of {name} has gone while it was measured") from None
        programs = marked(ClusterPaths.of_this_machine())
        if programs:
            taken[KUBERNETES] = of_processes(programs)
        return dict(taken)
