"""The stores on the cluster: what is killed comes back with what it knew."""

import json
import time
from collections.abc import Callable

from shop_cluster.paths import ClusterPaths
from shop_cluster.shell import run

Kubectl = Callable[..., str]
SECONDS = 300
WRITE = """
set -e
psql -qU postgres -h /run/postgresql -c 'create table if not exists cluster_test (note text)' \
    -c "insert into cluster_test values ('kept')"
"""
READ = "psql -qAtU postgres -h /run/postgresql -c 'select distinct note from cluster_test'"
FORGET = "psql -qU postgres -h /run/postgresql -c 'drop table cluster_test'"


def containers(kubectl: Kubectl) -> dict[str, dict[str, str]]:
    """Return each container's status by its pod and name."""
    pods = json.loads(kubectl("get", "pods", "-n=platform", "-o=json"))["items"]
    return {
        f"{pod['metadata']['name']}/{status['name']}": status
        for pod in pods
        for status in pod["status"].get("containerStatuses", [])
    }


def test_stores_outlive_the_death_of_all_their_containers(
    platform: ClusterPaths, kubectl: Kubectl
) -> None:
    def postgres(script: str) -> str:
        return kubectl("exec", "-n=platform", "postgres-0", "--", "sh", "-c", script)

    postgres(WRITE)
    before = containers(kubectl)
    of_stores = [name for name in before if not name.startswith("vault-")]
    assert len(of_stores) == 7  # six pods, and MongoDB's second container; Vault's may be there too
    ctr = ("ctr", "--address", str(platform.containerd_socket), "--namespace", "k8s.io")
    for status in before.values():
        identity = status["containerID"].removeprefix("containerd://")
        run(*ctr, "tasks", "kill", "--signal", "SIGKILL", identity)
    deadline = time.monotonic() + SECONDS
    while True:
        now = containers(kubectl)
        late = [
            name
            for name, status in before.items()
            if now[name]["restartCount"] <= status["restartCount"] or not now[name]["ready"]
        ]
        if not late:
            break
        assert time.monotonic() < deadline, late
        time.sleep(1)
    assert postgres(READ) == "kept\n"
    postgres(FORGET)
