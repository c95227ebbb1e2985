"""kind's cluster in our own podman: what it is made of, how images get there, how it goes."""

import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path

from shop_cluster import cgroups, image_archive, podman_host, preflight
from shop_cluster.errors import ClusterError
from shop_cluster.image_archive import Named
from shop_cluster.image_catalogue import Image
from shop_cluster.image_import import LABEL
from shop_cluster.images import built_image
from shop_cluster.paths import cache
from shop_cluster.podman import PodmanPaths
from shop_cluster.podman import prepare as prepare_podman
from shop_cluster.progress import long_step, say
from shop_cluster.shell import run

_NETWORK = "kind"
"""The name by which kind looks for its network, and would make one with more to it."""


def exists() -> bool:
    """Tell whether there is a podman of ours on this machine."""
    return PodmanPaths.of_this_machine().state.exists()


def reason_against() -> str | None:
    """Return why podman can do nothing for kind on this machine, in one line; None: it can."""
    if platform.system() != "Linux" or os.geteuid() != 0:
        return (
            "kind needs a running Docker; without one, root on a Debian, where podman does it:"
            " start Docker, or run this with sudo"
        )
    try:
        cgroups.check()
    except ClusterError as error:
        return str(error)
    return None


def prepare() -> PodmanPaths:
    """Have podman, as kind is to find it.

    Raises:
        ClusterError: this machine cannot, or a program could not be installed or built.

    """
    if reason := reason_against():
        raise ClusterError(reason)
    paths = PodmanPaths.of_this_machine()
    preflight.check_disk((paths.state, cache()))
    podman_host.remember(paths)
    prepare_podman(paths)
    podman = paths.program("podman")
    if _NETWORK not in run(podman, "network", "ls", "--format={{.Name}}").split():
        # Names are the cluster's own business; the machine needs no server of them.
        run(podman, "network", "create", "--driver=bridge", "--disable-dns", _NETWORK)
    return paths


def load(images: Sequence[Image], *, cluster: str) -> None:
    """Have the images, as their files are now, in the cluster's node.

    Raises:
        ClusterError: a step of a Dockerfile failed, or the node refused one.

    """
    paths = PodmanPaths.of_this_machine()
    ctr = (
        paths.program("podman"), "exec", f"{cluster}-control-plane",
        "ctr", "--namespace=k8s.io",
    )  # fmt: skip
    wanted = [Named(identity=built_image(image), tag=image.tag) for image in images]
    missing = [each for each in wanted if not _has(ctr, each)]
    if not missing:
        return
    with long_step(f"exporting {len(missing)} images"):
        for each in missing:
            image_archive.export(each.identity)
    present = set(run(*ctr, "content", "list", "--quiet").split())
    with tempfile.NamedTemporaryFile(dir=cache(), suffix=".tar") as file:
        image_archive.write(file, missing, present=present)
        file.flush()
        say(f"loading {', '.join(each.tag.rpartition('/')[2] for each in missing)}")
        run(paths.program("kind"), "load", "image-archive", f"--name={cluster}", file.name)
    for each in missing:
        run(*ctr, "images", "label", each.tag, f"{LABEL}={each.identity}")


def _has(ctr: Sequence[str], image: Named) -> bool:
    labelled = f'name=={image.tag},labels."{LABEL}"=={image.identity}'
    return bool(run(*ctr, "images", "list", "--quiet", labelled))


def delete(cluster: str) -> None:
    """Delete a cluster, and with the last one all that podman was made for. Raises ClusterError."""
    kind = Path(PodmanPaths.of_this_machine().program("kind"))
    if kind.exists():
        run(str(kind), "delete", "cluster", f"--name={cluster}")
    clean_up()


def clean_up() -> None:
    """Remove podman's folders, networks and rules when no cluster is left. Raises ClusterError."""
    paths = PodmanPaths.of_this_machine()
    kind = Path(paths.program("kind"))
    if not kind.exists() or not run(str(kind), "get", "clusters").split():
        podman_host.restore(paths)
