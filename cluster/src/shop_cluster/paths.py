"""Where everything of the cluster lives on this machine."""

import os
from dataclasses import dataclass
from pathlib import Path


def checkout() -> Path:
    """Return the root of the repository: the folder that holds ``cluster/shopkube``.

    Raises:
        FileNotFoundError: the package was installed away from a checkout.

    """
    for folder in Path(__file__).resolve().parents:
        if (folder / "cluster" / "shopkube" / "go.mod").is_file():
            return folder
    raise FileNotFoundError("shop_cluster runs from a checkout of Minishop")


def cache() -> Path:
    """Return the folder of what takes long to make: binaries and images, kept by content."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "minishop"


@dataclass(frozen=True, kw_only=True)
class ClusterPaths:
    """The folders of one cluster.

    ``state`` outlives a reboot, ``run`` need not (sockets, network namespaces, pids).
    """

    state: Path
    run: Path

    @classmethod
    def of_this_machine(cls) -> "ClusterPaths":
        """Return the usual paths; MINISHOP_STATE and MINISHOP_RUN move them."""
        return cls(
            state=Path(os.environ.get("MINISHOP_STATE") or "/var/lib/minishop"),
            run=Path(os.environ.get("MINISHOP_RUN") or "/run/minishop"),
        )

    @property
    def kubeconfig(self) -> Path:
        """The administrator's access to the API server."""
        return self.state / "kubeconfig"

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.state / "pki"

    @property
    def logs(self) -> Path:
        """One file a program."""
        return self.state / "logs"

    @property
    def pod_logs(self) -> Path:
        """What containers log, a folder a pod."""
        return self.state / "pod-logs"

    @property
    def programs(self) -> Path:
        """What the supervisor keeps running."""
        return self.state / "programs.json"

    @property
    def pids(self) -> Path:
        """One file a running program."""
        return self.run / "pids"

    @property
    def containerd_socket(self) -> Path:
        """Where containerd answers."""
        return self.run / "containerd.sock"

    @property
    def cgroup(self) -> str:
        """The pods' branch of every control group hierarchy: who is in it goes with the cluster."""
        return self.state.name


def beside(folder: Path) -> Path:
    """Return the folder that kind's podman has for one of the embedded cluster's: its neighbour."""
    return folder.with_name(f"{folder.name}-kind")
