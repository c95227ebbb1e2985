"""Where the shop is brought up."""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from shop_cluster import kind
from shop_cluster.paths import ClusterPaths
from shop_cluster.podman import PodmanPaths
from shop_journey.kubectl import Kubectl, program
from shop_journey.steps import Report, command

ROOT = Path(__file__).resolve().parents[4]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Place:
    """Where the shop is brought up: the kind of cluster, and how to reach it."""

    cluster: str
    kubectl: Kubectl


def here() -> Place:
    """Return where `make up` works: what CLUSTER says, else kind where Docker runs."""
    cluster = kind.chosen()
    paths = ClusterPaths.of_this_machine()
    own = PodmanPaths.of_this_machine().program("kubectl") if cluster == "kind" else ""
    kubectl = Kubectl(
        paths.kubeconfig if cluster == "embedded" else None,
        program(Path(own or paths.state / "bin" / "kubectl")),
    )
    return Place(cluster, kubectl)


def own_program(*words: str) -> Callable[[Report], Awaitable[None]]:
    """Return a step that runs a program of this checkout's."""

    async def call(report: Report) -> None:
        await command(str(BIN / words[0]), *words[1:], report=report, look="make cluster-status")

    return call
