"""Installs the Debian packages that the cluster runs on, when they are missing."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from shop_cluster.errors import ClusterError
from shop_cluster.paths import cache
from shop_cluster.progress import long_step

# A file that a package brings, and the package. Paths, as sbin is not on everybody's PATH.
_NEEDED = {
    "/usr/bin/containerd": "containerd",
    "/usr/sbin/runc": "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "/usr/bin/buildah": "buildah",
    "/usr/bin/mmdebstrap": "mmdebstrap",
    "/usr/sbin/iptables-save": "iptables",
    "/usr/sbin/nft": "nftables",
    "/usr/sbin/conntrack": "conntrack",
    "/usr/bin/ip": "iproute2",
    "/usr/bin/socat": "socat",
    "/usr/bin/mount": "mount",
    "/usr/bin/mvn": "maven",
}


def install_missing() -> None:
    """Install what is missing.

    Raises:
        ClusterError: not a Debian, or apt could not.

    """
    missing = [package for file, package in _NEEDED.items() if not Path(file).exists()]
    if missing:
        install(missing)


def install(missing: Sequence[str]) -> None:
    """Install Debian packages. Raises ClusterError as `install_missing` does."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise ClusterError(f"install these packages first: {', '.join(missing)}")
    cache().mkdir(parents=True, exist_ok=True)
    with long_step(f"installing {', '.join(missing)}"), (cache() / "apt.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # apt-get fails where another runs: the test servers' too
        for words in (["update", "-qq"], ["install", "-qq", "--no-install-recommends", *missing]):
            done = subprocess.run(  # noqa: S603 - fixed words
                ["/usr/bin/apt-get", "-y", *words],
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                text=True,
                capture_output=True,
                check=False,
            )
            if done.returncode:
                said = (done.stderr.strip().splitlines() or ["no message"])[-1]
                raise ClusterError(f"apt-get {words[0]} failed ({said}): check the network")
