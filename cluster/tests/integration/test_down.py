"""`make cluster-down` leaves the machine as `make cluster` found it.

Beside somebody's running cluster these run in a network of their own: see docs/cluster.md.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from shop_cluster import cgroups
from shop_cluster.down import down, unmount
from shop_cluster.network import links, restore_host
from shop_cluster.paths import ClusterPaths
from shop_cluster.processes import kill, marked, wait_gone
from shop_cluster.up import up

# Somebody may be building images meanwhile.
IMAGE_BUILDER = "/var/lib/containers/"


@pytest.fixture
def bare(machine: ClusterPaths, borrowed: bool) -> ClusterPaths:  # noqa: FBT001 - a fixture
    if borrowed:
        pytest.skip("somebody's cluster runs: `make cluster-down` first")
    down(machine)
    return machine


def traces(paths: ClusterPaths) -> dict[str, object]:
    """Return all that a cluster could leave on a machine."""

    def told(*command: str) -> list[str]:
        text = subprocess.run(command, text=True, capture_output=True, check=True).stdout
        # Packet counters move on their own.
        return sorted(line for line in text.splitlines() if not line.startswith(("#", ":")))

    commands = [
        Path(f"/proc/{pid}/comm").read_text().strip() for pid in marked(paths) if pid != os.getpid()
    ]
    return {
        "processes": commands,
        "mounts": [
            point
            for line in Path("/proc/self/mountinfo").read_text().splitlines()
            if not (point := line.split()[4]).startswith(IMAGE_BUILDER)
        ],
        "links": links(),
        "routes": told("ip", "route"),
        "namespaces": told("ip", "netns", "list"),
        "rules": told("nft", "list", "ruleset"),
        "forwarding": Path("/proc/sys/net/ipv4/ip_forward").read_text(),
        "localnet": Path("/proc/sys/net/ipv4/conf/all/route_localnet").read_text(),
        "folders": [
            str(path)
            for path in (
                paths.state,
                paths.run,
                Path("/var/lib/kubelet"),
                Path("/var/lib/cni"),
                Path("/var/log/pods"),
                Path("/var/log/containers"),
                Path("/run/containerd"),
                Path("/opt/containerd"),
                Path("/usr/libexec/kubernetes"),
            )
            if path.exists()
        ],
        "groups": sorted(
            str(path) for path in Path("/sys/fs/cgroup").glob(f"*/{paths.state.name}")
        ),
    }


def test_nothing_is_left(bare: ClusterPaths, request: pytest.FixtureRequest) -> None:
    before = traces(bare)
    up(bare)
    kubectl: Callable[..., str] = request.getfixturevalue("kubectl")
    image: str = request.getfixturevalue("image")
    kubectl(
        "run", "sleeper", f"--image={image}", "--image-pull-policy=Never",
        "--command", "--", "sleep", "infinity",
    )  # fmt: skip
    kubectl("wait", "--for=condition=Ready", "pod/sleeper", "--timeout=60s")
    command = [sys.executable, "-m", "shop_cluster", "down"]
    done = subprocess.run(command, text=True, capture_output=True, check=True)
    assert traces(bare) == before
    assert (done.stdout, done.stderr) == ("", "")


def test_up_after_a_reboot(bare: ClusterPaths, request: pytest.FixtureRequest) -> None:
    up(bare)
    kubectl: Callable[..., str] = request.getfixturevalue("kubectl")
    image: str = request.getfixturevalue("image")
    words = ("run", "sleeper", f"--image={image}", "--image-pull-policy=Never", "--command", "--")
    kubectl(*words, "sleep", "infinity")
    kubectl("wait", "--for=condition=Ready", "pod/sleeper", "--timeout=60s")
    power_off(bare)
    up(bare)
    # The node says what it saw last until its kubelet has looked again.
    deadline = time.monotonic() + 120
    status = "{.status.containerStatuses[0].restartCount}{.status.containerStatuses[0].ready}"
    while kubectl("get", "pod", "sleeper", f"-o=jsonpath={status}") != "1true":
        assert time.monotonic() < deadline
        time.sleep(0.2)


def power_off(paths: ClusterPaths) -> None:
    """Take away what does not outlive a machine: processes, mounts, links, rules, /run."""
    # A standby may have taken over, and started programs, while the supervisor was killed.
    while left := [each for each in marked(paths) if each != os.getpid()]:
        for pid in left:
            kill(pid, signal.SIGKILL)
        wait_gone(left, seconds=60)
    cgroups.destroy(paths.cgroup)
    unmount(paths)
    restore_host(paths)
    shutil.rmtree(paths.run)


@pytest.mark.parametrize("reached", ["pki", "programs.json", "logs/kubelet.log"])
def test_down_in_the_middle_of_up(bare: ClusterPaths, reached: str) -> None:
    before = traces(bare)
    rising = subprocess.Popen([sys.executable, "-m", "shop_cluster", "up", "--empty"])
    deadline = time.monotonic() + 60
    while not (bare.state / reached).exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    down(bare)
    assert rising.wait(60) != 0
    assert traces(bare) == before


def test_down_after_up_was_killed(bare: ClusterPaths) -> None:
    before = traces(bare)
    rising = subprocess.Popen([sys.executable, "-m", "shop_cluster", "up", "--empty"])
    deadline = time.monotonic() + 60
    while not (bare.logs / "kubelet.log").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    rising.send_signal(signal.SIGKILL)
    rising.wait()
    down(bare)
    assert traces(bare) == before


def test_down_without_a_cluster_does_nothing(bare: ClusterPaths) -> None:
    before = traces(bare)
    down(bare)
    assert traces(bare) == before
