"""Moves an image from buildah into the cluster's containerd, layer by layer.

Layers that containerd has are not sent again, so a service whose source changed costs the few
kilobytes of its own layer.
"""

import subprocess

from shop_cluster import image_archive
from shop_cluster.errors import ClusterError
from shop_cluster.paths import ClusterPaths
from shop_cluster.shell import run

LABEL = "minishop.dev/id"
"""The label that says which of buildah's images a name of containerd's stands for."""


def has_image(paths: ClusterPaths, tag: str, identity: str) -> bool:
    """Tell whether the cluster has exactly this image under this name."""
    return bool(
        run(*ctr(paths), "images", "list", "--quiet", f'name=={tag},labels."{LABEL}"=={identity}')
    )


def import_image(paths: ClusterPaths, tag: str, identity: str) -> None:
    """Bring an image of buildah's into the cluster.

    Raises:
        ClusterError: containerd refused it.

    """
    image_archive.export(identity)
    present = set(run(*ctr(paths), "content", "list", "--quiet").split())
    command = [*ctr(paths), "images", "import", "-"]
    with subprocess.Popen(  # noqa: S603 - our own words
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as importing:
        if importing.stdin is None or importing.stderr is None:
            raise AssertionError("both were asked for")
        image = image_archive.Named(identity=identity, tag=tag)
        image_archive.write(importing.stdin, [image], present=present)
        importing.stdin.close()
        said = importing.stderr.read().decode().strip()
    if importing.returncode:
        raise ClusterError(f"importing {tag} failed: {said}")
    run(*ctr(paths), "images", "label", tag, f"{LABEL}={identity}")


def ctr(paths: ClusterPaths) -> tuple[str, ...]:
    """Return how to call containerd's client for the cluster's images."""
    return ("ctr", "--address", str(paths.containerd_socket), "--namespace", "k8s.io")
