"""The pods' branch of this machine's control groups."""

import os
from pathlib import Path

from shop_cluster import cgroups


def test_pods_together_weigh_more_than_one_process() -> None:
    name = f"minishop-test-{os.getpid()}"
    root = Path("/sys/fs/cgroup")
    cgroups.create(name)
    try:
        cgroups.create(name)  # again, as by each start of the cluster
        [weight] = [
            int(file.read_text()) / default
            for file, default in (
                (root / name / "cpu.weight", 100),
                (root / "cpu" / name / "cpu.shares", 1024),
            )
            if file.exists()
        ]
        assert weight > 4
    finally:
        cgroups.destroy(name)
    assert not list(root.glob(f"*/{name}"))
    assert not (root / name).exists()
