"""Builds, pushes, describes, signs and verifies the images of a release; writes its manifests."""

import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shop_cluster.build import shopkube
from shop_cluster.errors import ClusterError
from shop_cluster.image_catalogue import Image
from shop_cluster.images import built_image
from shop_cluster.paths import checkout
from shop_cluster.progress import say
from shop_cluster.release import sbom
from shop_cluster.release.signing import Signer
from shop_cluster.shell import run

NAMES = frozenset(
    {
        *("operator", "auth", "gateway", "notification", "order", "payment"),
        *("product", "shipping", "storefront", "user"),
    }
)
"""The images of a release, as the workflow has them."""
_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")


@dataclass(frozen=True, kw_only=True)
class Released:
    """An image of a release: its name, and its reference by digest."""

    name: str
    reference: str


def check_version(version: str) -> None:
    """Raise ClusterError unless a version is one of semantic versioning, without build metadata."""
    if not _VERSION.fullmatch(version):
        raise ClusterError(f"VERSION={version}: it is like 1.2.3 or 1.2.3-rc.1")


def publish(image: Image, *, version: str, registry: str, signer: Signer, out: Path) -> Released:
    """Have an image in a registry with its SBOM, both signed and verified.

    ``registry`` is HOST:PORT with an optional path; ``out`` gets `sbom/NAME.spdx.json` and
    `images/NAME.image`, the reference by digest.

    Raises:
        ClusterError: it could not be built, pushed, described, signed or verified.

    """
    name = image.name
    identity = _labelled(built_image(image), name=name, version=version)
    say(f"{name}: pushing")
    repository = f"{registry}/minishop/{name}"
    reference = f"{repository}@{_push(identity, f'{repository}:{version}')}"
    description = out / "sbom" / f"{name}.spdx.json"
    description.parent.mkdir(parents=True, exist_ok=True)
    packages = sbom.write_of_image(reference, description)
    say(f"{name}: {packages} packages in its SBOM; signing")
    signer.sign(reference)
    signer.attest(reference, description)
    signer.verify(reference)
    file = out / "images" / f"{name}.image"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{reference}\n")
    return Released(name=name, reference=reference)


def write_manifests(out: Path, released: Sequence[Released]) -> None:
    """Write `crds.yaml`, and `install.yaml` with every image by digest. Raises ClusterError."""
    missing = NAMES - {each.name for each in released}
    if missing:
        raise ClusterError(f"no install.yaml without the images of {', '.join(sorted(missing))}")
    with tempfile.TemporaryDirectory() as folder:
        kubectl = Path(folder) / "kubectl"
        kubectl.write_text(f'#!/bin/sh\nexec {shopkube()} kubectl "$@"\n')
        kubectl.chmod(0o755)
        program = checkout() / ".ci" / "release-manifests"
        run(
            str(program), str((out / "images").resolve()), str(out.resolve()),
            env={"PATH": f"{folder}:/usr/bin:/bin"},
        )  # fmt: skip


def remove_unfinished(out: Path) -> None:
    """Remove what a release that failed has written; nobody may take it for one."""
    shutil.rmtree(out, ignore_errors=True)


def revision() -> str:
    """Return the commit that is released; with `-dirty` when files differ from it."""
    try:
        return run(
            "git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*", cwd=checkout()
        ).strip()
    except ClusterError:
        return "unknown"


def _labelled(identity: str, *, name: str, version: str) -> str:
    """Return buildah's id of the same image with the labels that say what it is."""
    labels = {"version": version, "revision": revision(), "title": f"minishop/{name}"}
    words = [f"--label=org.opencontainers.image.{key}={value}" for key, value in labels.items()]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_text(f"FROM {identity}\n")
        told = run(
            "buildah", "build", "--isolation=chroot", "--quiet", "--pull-never", *words,
            f"--tag=localhost/minishop-release/{name}:{version}", folder,
        )  # fmt: skip
    return told.strip().splitlines()[-1]


def _push(identity: str, target: str) -> str:
    """Push an image, and return the digest that the registry has it by."""
    with tempfile.NamedTemporaryFile() as file:
        run(
            "buildah", "push", "--quiet", "--format=oci", f"--digestfile={file.name}",
            f"--tls-verify={str(not target.startswith('127.0.0.1:')).lower()}",
            identity, f"docker://{target}",
        )  # fmt: skip
        return Path(file.name).read_text().strip()


def lines(released: Iterable[Released]) -> str:
    """Return the references, one a line."""
    return "".join(f"{each.reference}\n" for each in released)
