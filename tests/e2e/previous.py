"""The version before this one, from the repository's history, to upgrade from."""

import fcntl
import io
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from shop_cluster.image_catalogue import catalogue
from shop_cluster.image_loading import load
from shop_cluster.paths import ClusterPaths, cache, checkout

COMMIT = "0076ec01eedf5ebc982f53e5884f0a78582ea213"
# What the operator's image and its manifests are made of.
_FILES = ("pyproject.toml", "uv.lock", "operator", "crds", "kustomize/base/operator")


def source() -> Path:
    """Return a folder with that version's operator, CRD and manifests."""
    folder = cache() / f"previous-{COMMIT[:12]}"
    with (cache() / "previous.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            found = subprocess.run(
                ["git", "-C", str(checkout()), "archive", COMMIT, *_FILES],
                capture_output=True,
                check=False,
            )
            if found.returncode:
                pytest.skip(f"a shallow clone: commit {COMMIT[:12]} is not in its history")
            unfinished = folder.with_suffix(".unfinished")
            with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
                archive.extractall(unfinished, filter="data")
            unfinished.rename(folder)
    return folder


def operator_image(root: Path) -> str:
    """Return the tag of that version's operator, which the cluster has from now on."""
    image = next(each for each in catalogue(root) if each.name == "operator")
    image = replace(image, version="previous")
    load(ClusterPaths.of_this_machine(), [image])
    return image.tag.removeprefix("docker.io/")
