"""kind's cluster: in Docker where that runs, else in a podman of our own with a node of our own."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

from shop_cluster import kind_node, kind_podman
from shop_cluster.build import tool
from shop_cluster.errors import ClusterError
from shop_cluster.image_catalogue import Image
from shop_cluster.images import fetch
from shop_cluster.paths import checkout
from shop_cluster.ports import takes_connections
from shop_cluster.progress import say
from shop_cluster.shell import run

CHOICES = ("embedded", "kind", "current")


@dataclass(frozen=True, kw_only=True)
class Programs:
    """The programs: kind, and a kubectl for its clusters."""

    kind: str
    kubectl: str


def chosen() -> str:
    """Return which cluster to use: what CLUSTER says, else kind where it can run, else ours.

    Raises:
        ClusterError: CLUSTER names something else.

    """
    asked = os.environ.get("CLUSTER")
    if asked:
        if asked not in CHOICES:
            raise ClusterError(f"CLUSTER={asked}: it is one of {', '.join(CHOICES)}")
        return asked
    return "kind" if shutil.which("kind") and docker_answers() else "embedded"


def docker_answers() -> bool:
    """Tell whether a Docker daemon can be used."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    asked = [docker, "info", "--format", "{{.ID}}"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0  # noqa: S603 - fixed words


def on_podman() -> bool:
    """Tell whether the cluster is podman's: one that it has stays so, should Docker come."""
    return kind_podman.exists() or not docker_answers()


def has_own_images() -> bool:
    """Tell whether the chosen cluster runs the images that are built here for every server.

    It does where no registry is needed: on the embedded one, and on kind without Docker.
    """
    return chosen() == "embedded" or (chosen() == "kind" and on_podman())


def kubeconfig() -> Path:
    """Return where kubectl finds the current cluster, as kubectl decides it."""
    return Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")


def cluster_name() -> str:
    """Return the name of kind's cluster: KIND_CLUSTER_NAME, as kind itself reads it, or ours."""
    return os.environ.get("KIND_CLUSTER_NAME") or "minishop"


def reason_against() -> str | None:
    """Return why this machine can have no cluster of kind's, in one line; None: it can."""
    return None if docker_answers() else kind_podman.reason_against()


def prepare() -> Programs:
    """Have all that a cluster can be made of. Raises ClusterError when this machine cannot."""
    if on_podman():
        podman = kind_podman.prepare()
        return Programs(kind=podman.program("kind"), kubectl=podman.program("kubectl"))
    return Programs(kind=_program(), kubectl=shutil.which("kubectl") or "kubectl")


def node_image() -> str | None:
    """Return the node's image, built where none can be pulled; None is kind-config.yaml's."""
    return kind_node.node_image() if on_podman() else None


def up() -> None:
    """Create kind's cluster, unless there is one, and make it kubectl's current one.

    Raises:
        ClusterError: this machine cannot, or a step failed; then nothing of a new one is left.

    """
    try:
        _up(prepare().kind, cluster_name())
    except BaseException:
        clean_up()
        raise


def _up(program: str, name: str) -> None:
    if name in run(program, "get", "clusters").split():
        run(program, "export", "kubeconfig", f"--name={name}")
        return
    configuration = checkout() / "kind-config.yaml"
    _check_ports(configuration)
    image = node_image()
    say("creating kind's cluster")
    run(
        program, "create", "cluster", f"--name={name}", f"--config={configuration}",
        *([f"--image={image}"] if image else []), "--wait=180s",
    )  # fmt: skip


def down() -> None:
    """Delete kind's cluster, with all that is in it."""
    if on_podman():
        if kind_podman.exists():
            kind_podman.delete(cluster_name())
        return
    run(_program(), "delete", "cluster", f"--name={cluster_name()}")


def clean_up() -> None:
    """Remove what podman was given for clusters, when none is left. Raises ClusterError."""
    if kind_podman.exists():
        kind_podman.clean_up()


def ensure_image(image: Image, *, load: bool) -> None:
    """Build an image with Docker, and load it into kind's node when asked."""
    if image.fetch is not None:
        fetch(image.fetch)
    words = [f"--build-arg={name}={value}" for name, value in image.arguments.items()]
    tag = image.tag.removeprefix("docker.io/")
    run(
        "docker", "build", "--quiet", f"--tag={tag}", f"--file={image.dockerfile}",
        *words, str(image.context),
    )  # fmt: skip
    if load:
        run(_program(), "load", "docker-image", f"--name={cluster_name()}", tag)


def _program() -> str:
    return shutil.which("kind") or str(tool("kind"))


def _check_ports(configuration: Path) -> None:
    """Raise ClusterError when somebody answers already where the shop's entry is to be."""
    nodes = yaml.safe_load(configuration.read_text())["nodes"]
    for mapping in (each for node in nodes for each in node.get("extraPortMappings", ())):
        # Asked, not bound: another cluster's entry is a rule of the kernel's, no program's.
        if takes_connections(mapping["hostPort"], address=mapping["listenAddress"]):
            raise ClusterError(
                f"port {mapping['hostPort']} is in use: stop what answers there (of the"
                " embedded cluster: `make down CLUSTER=embedded`), then run this again"
            )
