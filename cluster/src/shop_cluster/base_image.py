"""A Debian to build images on where none can be pulled: made of packages, once a machine."""

import tempfile
from pathlib import Path

from shop_cluster.places import cache
from shop_cluster.progress import long_step
from shop_cluster.shell import run

TAG = "localhost/minishop-base:bookworm"
_MIRROR = "http://deb.debian.org"
_SOURCES = (
    f"deb {_MIRROR}/debian bookworm main",
    f"deb {_MIRROR}/debian bookworm-updates main",
    f"deb {_MIRROR}/debian-security bookworm-security main",
)


def ensure() -> str:
    """Return the name of the base image, making it when this machine has none.

    Raises:
        ClusterError: the packages can't be had; the last line of mmdebstrap is in the message.

    """
    if run("buildah", "images", "--quiet", "--filter", f"reference={TAG}").strip():
        return TAG
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache()) as folder:
        archive = Path(folder) / "base.tar"
        with long_step("making the base image from Debian's packages"):
            run("mmdebstrap", "--quiet", "--variant=minbase", "bookworm", str(archive), *_SOURCES)
        container = run("buildah", "from", "scratch").strip()
        run("buildah", "add", "--quiet", container, str(archive), "/")
        run("buildah", "commit", "--quiet", "--rm", container, TAG)
    return TAG
