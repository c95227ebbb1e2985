"""Which images the repository has: one for each Dockerfile, and one a service."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from shop_cluster.build import content_hash
from shop_cluster.errors import ClusterError

# Of a store, so that a pod of another version never gets it: OCI's annotation.
_VERSION = re.compile(r'^LABEL org\.opencontainers\.image\.version="?([\w.-]+)"?$', re.MULTILINE)
_IMAGE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
# Upstream's has no program by the name `vault`, which the injector's containers call; the Git
# server has no upstream.
_EVERYWHERE = {"openbao", "git"}
# By the folder of a member that is no service: the image's name, and the layer that it is of.
_MEMBERS = {
    "operator": ("operator", ""),
    "cluster": ("cluster", ""),
    "edge": ("kong-standin", "edge"),
}
_NOT_BUILT = {"fetched", "tests", "__pycache__", ".venv", "schemas"}


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image to build.

    ``inputs`` are the files and folders that it is made of; ``fetch`` is a script that brings
    what a registry of images would (a folder is its argument).
    ``platform`` tells that the stores, Kafka and Connect need it, ``only`` on which kind of
    cluster: on the other, somebody else's image is used in its stead.
    ``layer`` is what it belongs to beside the shop: such an image is built when that is asked for.
    ``variant`` tells images of the same name apart that are kept beside one another.
    """

    name: str
    version: str
    dockerfile: Path
    context: Path
    inputs: tuple[Path, ...]
    arguments: dict[str, str] = field(default_factory=dict)
    fetch: Path | None = None
    platform: bool = False
    only: Literal["embedded", "docker"] | None = None
    layer: str = ""
    variant: str = ""

    @property
    def record(self) -> str:
        """The name under which is kept what was built: two images of a name have two."""
        return f"{self.name}-{self.variant}" if self.variant else self.name

    @property
    def tag(self) -> str:
        """The full name, as Kubernetes normalises it."""
        return f"docker.io/minishop/{self.name}:{self.version}"

    def content(self) -> str:
        """Return a hash of everything that the image is made of."""
        words = [f"{key}={value}" for key, value in self.arguments.items()]
        return content_hash(_files(self.inputs), *words, root=self.context)


def catalogue(root: Path) -> list[Image]:
    """Return every image of a checkout: the stores', the operator's, the services', the layers'."""
    version = _project(root)["version"]
    return [
        *_in_folders(root, version),
        *_members(root, version),
        *_services(root, version),
        *_in_folders(root / "observability", version, layer="observability"),
        *_in_folders(root / "manifests" / "gitops", version, layer="gitops"),
        *_in_folders(root / "manifests" / "edge", version, layer="edge"),
    ]


def image_of_folder(folder: Path, *, version: str) -> Image:
    """Return the image of somebody's own service: the folder's name, built by its Dockerfile.

    Raises:
        ClusterError: there is no Dockerfile, or the folder's name is none for an image.

    """
    folder = folder.resolve()
    dockerfile = folder / "Dockerfile"
    if not dockerfile.is_file():
        raise ClusterError(f"{folder}: no Dockerfile there")
    if not _IMAGE_NAME.fullmatch(folder.name):
        raise ClusterError(
            f"{folder.name!r}: the folder's name becomes the image's, so it is of lower-case"
            " letters, digits and dashes"
        )
    return Image(
        name=folder.name, version=version, dockerfile=dockerfile, context=folder, inputs=(folder,)
    )


def _in_folders(home: Path, version: str, *, layer: str = "") -> Iterator[Image]:
    """Yield the images of the folders in `images/`: a layer's, or the platform's without one."""
    for dockerfile in sorted(home.glob("images/*/Dockerfile*")):
        folder = dockerfile.parent
        fetch = folder / "fetch.sh"
        strimzi = dockerfile.suffix == ".strimzi"
        own = _VERSION.search(dockerfile.read_text())
        yield Image(
            name="connect" if strimzi else folder.name,
            version=own[1] if own else version,
            dockerfile=dockerfile,
            context=folder,
            inputs=(dockerfile, *_beside(dockerfile)),
            fetch=fetch if fetch.exists() else None,
            platform=not layer,
            only=None if folder.name in _EVERYWHERE else "docker" if strimzi else "embedded",
            layer=layer,
        )


def _beside(dockerfile: Path) -> Iterator[Path]:
    """Yield what an image's folder holds but Dockerfiles."""
    for each in sorted(dockerfile.parent.iterdir()):
        if each.name not in _NOT_BUILT and not each.name.startswith("Dockerfile"):
            yield each


def _members(root: Path, version: str) -> Iterator[Image]:
    for folder, (name, layer) in _MEMBERS.items():
        dockerfile = root / folder / "Dockerfile"
        if dockerfile.exists():
            yield Image(
                name=name,
                version=version,
                dockerfile=dockerfile,
                context=root,
                inputs=(
                    dockerfile,
                    *_lock(root),
                    root / folder / "pyproject.toml",
                    root / folder / "src",
                ),
                platform=name == "cluster",
                layer=layer,
            )


def _services(root: Path, version: str) -> Iterator[Image]:
    dockerfile = root / "services" / "Dockerfile"
    folders = sorted(file.parent for file in root.glob("services/*/pyproject.toml"))
    # Whoever has a command of its own is a service; the shared package has none.
    services = [folder for folder in folders if "scripts" in _project(folder)]
    for folder in services if dockerfile.exists() else []:
        yield Image(
            name=folder.name,
            version=version,
            dockerfile=dockerfile,
            context=root,
            inputs=(dockerfile, *_lock(root), root / "services" / "shared", folder),
            arguments={"SERVICE": folder.name},
        )


def _lock(root: Path) -> tuple[Path, Path]:
    return root / "pyproject.toml", root / "uv.lock"


def _project(folder: Path) -> dict[str, str]:
    project: dict[str, str] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return project


def _files(inputs: tuple[Path, ...]) -> Iterator[Path]:
    for each in inputs:
        if each.is_file():
            yield each
        else:
            yield from files_below(each)


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that something is built of."""
    for file in folder.rglob("*"):
        if file.is_file() and not _NOT_BUILT.intersection(file.relative_to(folder).parts):
            yield file
