"""Every process of the cluster may die at any time, the supervisors included."""

import json
import os
import signal
import time
from collections.abc import Callable

import pytest

from shop_cluster.certificates import Authority
from shop_cluster.paths import ClusterPaths
from shop_cluster.probes import probes, wait
from shop_cluster.processes import pid_of
from shop_cluster.supervisor import STANDBY
from shop_cluster.up import up

SECONDS = 90


@pytest.mark.parametrize(
    "name",
    [
        "etcd",
        "kube-apiserver",
        "containerd",
        "kube-controller-manager",
        "kube-scheduler",
        "kubelet",
        "kube-proxy",
        "coredns",
        "provisioner",
        STANDBY,
        "supervisor",
    ],
)
def test_a_killed_process_comes_back(cluster: ClusterPaths, name: str) -> None:
    others = {
        each: pid_of(cluster, each) for each in programs(cluster) if each not in {name, STANDBY}
    }
    killed = pid_of(cluster, name)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + SECONDS
    while pid_of(cluster, name) in (None, killed):
        assert time.monotonic() < deadline, f"{name} stays away"
        time.sleep(0.05)
    for probe in probes(cluster, Authority(cluster.pki)):
        wait(probe, cluster, seconds=SECONDS)
    if name in {STANDBY, "supervisor"}:
        # Their death is no reason to touch what they watch over.
        assert {each: pid_of(cluster, each) for each in others} == others


def test_pods_outlive_the_runtime(
    cluster: ClusterPaths, kubectl: Callable[..., str], namespace: str, image: str
) -> None:
    kubectl(
        "-n", namespace, "run", "sleeper", f"--image={image}", "--image-pull-policy=Never",
        "--command", "--", "sleep", "infinity",
    )  # fmt: skip
    kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/sleeper", "--timeout=60s")
    for name in ("containerd", "kubelet"):
        pid = pid_of(cluster, name)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    for probe in probes(cluster, Authority(cluster.pki)):
        wait(probe, cluster, seconds=SECONDS)
    pod = json.loads(kubectl("-n", namespace, "get", "pod", "sleeper", "-o", "json"))
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


def test_up_again_changes_nothing(cluster: ClusterPaths) -> None:
    before = {name: pid_of(cluster, name) for name in programs(cluster)}
    up(cluster)
    assert {name: pid_of(cluster, name) for name in programs(cluster)} == before


def programs(paths: ClusterPaths) -> list[str]:
    return [each["name"] for each in json.loads(paths.programs.read_text())]
