import json
import os
from pathlib import Path
from typing import Any

from shop_journey import processes
from shop_journey.kubectl import Kubectl

CONTAINER = "ab" * 32


class Pods(Kubectl):
    """A cluster with one running container and one that waits."""

    async def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        statuses: list[dict[str, Any]] = [
            {"containerID": f"containerd://{CONTAINER}", "state": {"running": {}}},
            {"containerID": "containerd://" + "cd" * 32, "state": {"waiting": {}}},
        ]
        return json.dumps({"items": [{"status": {"containerStatuses": statuses}}]})


async def test_processes_are_found_by_their_containers_cgroup(
    tmp_path: Path, monkeypatch: Any
) -> None:
    for pid, cgroup in ((7, CONTAINER), (8, "cd" * 32), (9, "init.scope")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cgroup").write_text(f"0::/kubepods/besteffort/pod1/{cgroup}\n")
    monkeypatch.setattr(processes, "PROC", tmp_path)
    assert await processes.pids_of(Pods(), "shop", "app=order") == [7]


def test_memory_is_the_kernels_own_account() -> None:
    held = processes.memory([os.getpid()])
    # A Python with pytest in it: more than ten, and less than a machine has.
    assert 10 < held.pss <= held.rss < 10_000
    assert processes.memory([]) == processes.Memory(0, 0)
