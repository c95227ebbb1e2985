"""The processes of pods, where the cluster's containers run on this machine."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shop_journey.kubectl import Kubectl

PROC = Path("/proc")
_MIB = 1024


@dataclass(frozen=True)
class Memory:
    """Resident memory of some processes in MiB; in `pss`, what is shared counts by its share."""

    rss: float
    pss: float


async def pids_of(
    kubectl: Kubectl, namespace: str, selector: str, *, most_pods: int | None = None
) -> list[int]:
    """Return the process ids in all running containers of the pods that a label selects.

    Of no more than `most_pods` pods, where that is given.
    """
    pods = await kubectl.get("pods", "-n", namespace, "-l", selector)
    containers = {
        status["containerID"].rpartition("/")[2]
        for pod in pods["items"][:most_pods]
        for status in pod["status"].get("containerStatuses", ())
        if "running" in status["state"]
    }
    return [pid for pid, of in _containers() if of in containers]


def _containers() -> Iterable[tuple[int, str]]:
    for entry in PROC.glob("[0-9]*/cgroup"):
        try:
            found = re.search(r"([0-9a-f]{64})", entry.read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        if found:
            yield int(entry.parent.name), found[1]


def memory(pids: Iterable[int]) -> Memory:
    """Return what the processes hold together, by the kernel's own account."""
    rss = pss = 0
    for pid in pids:
        text = (PROC / str(pid) / "smaps_rollup").read_text()
        kibibytes = dict(re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE))
        rss += int(kibibytes["Rss"])
        pss += int(kibibytes["Pss"])
    return Memory(rss / _MIB, pss / _MIB)
