"""The cluster where Docker runs: kind's, with images built by Docker."""

import os
import shutil
import subprocess
from pathlib import Path

from shop_cluster.errors import ClusterError
from shop_cluster.image_catalogue import Image
from shop_cluster.images import fetch
from shop_cluster.paths import checkout
from shop_cluster.shell import run

_NAME = "minishop"
CHOICES = ("embedded", "kind", "current")


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


def kubeconfig() -> Path:
    """Return where kubectl finds the current cluster, as kubectl decides it."""
    return Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")


def up() -> None:
    """Create kind's cluster, unless there is one, and make it kubectl's current one."""
    _check()
    if _NAME in run("kind", "get", "clusters").split():
        run("kind", "export", "kubeconfig", f"--name={_NAME}")
    else:
        configuration = checkout() / "kind-config.yaml"
        run("kind", "create", "cluster", f"--config={configuration}", "--wait=180s")


def down() -> None:
    """Delete kind's cluster, with all that is in it."""
    _check()
    run("kind", "delete", "cluster", f"--name={_NAME}")


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
        run("kind", "load", "docker-image", f"--name={_NAME}", tag)


def _check() -> None:
    if shutil.which("kind") is None or not docker_answers():
        raise ClusterError(
            "CLUSTER=kind needs a running Docker and kind (https://kind.sigs.k8s.io): start them,"
            " or run `make cluster CLUSTER=embedded`"
        )
