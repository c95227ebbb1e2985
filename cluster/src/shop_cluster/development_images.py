"""Images for `make dev`: a service as it is deployed, and what restarts it when its code changes.

They are built beside the deployed images and have tags of their own, made from their content, so
that neither what `make up` brought nor its record of what was built changes.
"""

from dataclasses import replace
from typing import Literal

from shop_cluster import image_import, image_loading, kind
from shop_cluster.build import content_hash
from shop_cluster.errors import ClusterError
from shop_cluster.image_catalogue import Image
from shop_cluster.images import built_before, built_image, selected
from shop_cluster.paths import ClusterPaths, checkout
from shop_cluster.shell import run

_DOCKERFILE = "Dockerfile.development"
_RELOADER = "shared/src/shop_shared/devtools/reloader.py"
_TAG = "dev-"


def ensure_development_image(paths: ClusterPaths, service: str) -> str:
    """Have a service's development image in the cluster, and return its name with its tag.

    Raises:
        ClusterError: there is no such service, or a step of a Dockerfile failed.

    """
    image = _development_image(service)
    image_loading.load(paths, [image])
    return image.tag.removeprefix("docker.io/")


def remove_development_images(paths: ClusterPaths) -> None:
    """Remove the development images from the embedded cluster; nothing may run them any more.

    On others the kubelet does, when the disk is full. Raises ClusterError.
    """
    if kind.chosen() != "embedded":
        return
    listed = run(*image_import.ctr(paths), "images", "list", "--quiet").split()
    for name in listed:
        repository, _, tag = name.rpartition(":")
        if repository.startswith("docker.io/minishop/") and tag.startswith(_TAG):
            run(*image_import.ctr(paths), "images", "remove", name)


def _development_image(service: str) -> Image:
    cluster: Literal["embedded", "docker"] = "embedded" if kind.has_own_images() else "docker"
    [deployed] = selected(cluster, frozenset({service}))
    dockerfile = deployed.dockerfile.with_name(_DOCKERFILE)
    package = deployed.dockerfile.parent / service / "src" / f"shop_{service}"
    if not (dockerfile.is_file() and package.is_dir()):
        raise ClusterError(f"{service}: only the shop's services have a development image")
    base = replace(deployed, name=f"{service}-development-base")
    if cluster == "embedded":
        base_image = built_before(deployed) or built_image(base)
    else:
        kind.ensure_image(base, load=False)
        base_image = base.tag.removeprefix("docker.io/")
    image = Image(
        name=service,
        variant="development",
        version="dev",
        dockerfile=dockerfile,
        context=checkout(),
        inputs=(dockerfile, dockerfile.parent / _RELOADER),
        arguments={"SERVICE_IMAGE": base_image},
    )
    content = content_hash([], image.content(), deployed.content(), base_image)
    return replace(image, version=f"{_TAG}{content}")
