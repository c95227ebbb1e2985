"""Writes images of buildah's as archives that containerd imports: several in one, a layer once.

The format is the OCI image layout, with the names that containerd gives an image as annotations.
"""

import fcntl
import io
import json
import tarfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from shop_cluster.paths import cache
from shop_cluster.shell import run

_IMAGE_NAME = "io.containerd.image.name"
_Descriptor = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Named:
    """An image by buildah's id, and a name that it is to have."""

    identity: str
    tag: str


def export(identity: str) -> None:
    """Write an image of buildah's to the cache, layer by layer. Raises ClusterError.

    Uncompressed, a layer's name is the hash that buildah knows it by: what lies there already is
    not written again.
    """
    layout = _layout()
    with _index_of(layout) as exported:
        if not _is_whole(layout, exported.get(identity)):
            run(
                "buildah", "push", "--quiet", "--disable-compression", "--format=oci",
                identity, f"oci:{layout}:{identity}",
            )  # fmt: skip


def write(target: IO[bytes], images: Iterable[Named], *, present: Collection[str] = ()) -> None:
    """Write exported images as one archive, without the blobs whose digests are `present`."""
    layout = _layout()
    with _index_of(layout) as exported:
        described = [
            {**exported[each.identity], "annotations": {_IMAGE_NAME: each.tag}} for each in images
        ]
    index = json.dumps({"schemaVersion": 2, "manifests": described}).encode()
    wanted = dict.fromkeys(
        digest for each in described for digest in _blobs_of(layout, each["digest"])
    )
    with tarfile.open(fileobj=target, mode="w|") as archive:
        _add(archive, "oci-layout", (layout / "oci-layout").read_bytes())
        _add(archive, "index.json", index)
        for digest in wanted:
            if digest not in present:
                path = _blob(layout, digest)
                archive.add(path, arcname=str(path.relative_to(layout)))


def manifests() -> dict[str, str]:
    """Return the digests of exported images' manifests, by buildah's ids."""
    with _index_of(_layout()) as exported:
        return {identity: str(each["digest"]) for identity, each in exported.items()}


def _layout() -> Path:
    return cache() / "image-layers"


@contextmanager
def _index_of(layout: Path) -> Iterator[Mapping[str, _Descriptor]]:
    """Let one process at a time have the layout; yield its images' descriptors by their ids."""
    layout.mkdir(parents=True, exist_ok=True)
    with (layout / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        index = layout / "index.json"
        manifests = json.loads(index.read_text())["manifests"] if index.exists() else []
        name = "org.opencontainers.image.ref.name"
        yield {each["annotations"][name]: each for each in manifests}


def _is_whole(layout: Path, image: _Descriptor | None) -> bool:
    """Tell whether an image was exported, and all of it is there still."""
    if image is None or not _blob(layout, image["digest"]).exists():
        return False
    return all(_blob(layout, each).exists() for each in _blobs_of(layout, image["digest"]))


def _blobs_of(layout: Path, digest: str) -> list[str]:
    """Return the digests that an image is made of: its manifest's, its configuration's, layers'."""
    manifest = json.loads(_blob(layout, digest).read_text())
    layers = [each["digest"] for each in manifest["layers"]]
    return [digest, manifest["config"]["digest"], *layers]


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / digest.replace(":", "/")


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))
