"""Has images in the chosen cluster, whichever that is: built as their files are now, and loaded."""

from collections.abc import Iterable

from shop_cluster import kind, kind_podman
from shop_cluster.image_catalogue import Image
from shop_cluster.images import ensure
from shop_cluster.paths import ClusterPaths


def load(paths: ClusterPaths, images: Iterable[Image]) -> None:
    """Return when the chosen cluster has the images; on `current` they are built only.

    Raises:
        ClusterError: a step of a Dockerfile failed, or the cluster did not take an image.

    """
    match kind.chosen():
        case "embedded":
            for image in images:
                ensure(paths, image)
        case "kind" if kind.has_own_images():
            kind_podman.load(list(images), cluster=kind.cluster_name())
        case cluster:
            for image in images:
                kind.ensure_image(image, load=cluster == "kind")
