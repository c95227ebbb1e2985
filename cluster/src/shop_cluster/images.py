"""Container images without a registry: built by buildah, imported into the cluster's containerd."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from shop_cluster.places import Places
from shop_cluster.shell import run

PAUSE_IMAGE = "minishop.dev/pause:1"


def build(
    dockerfile: Path, *, context: Path, tag: str, arguments: Mapping[str, str] | None = None
) -> str:
    """Build an image with its layers cached, and return its id.

    Raises:
        ClusterError: a step failed; the builder's last line is in the message.

    """
    words = [f"--build-arg={name}={value}" for name, value in (arguments or {}).items()]
    identity = run(
        "buildah",
        "build",
        "--isolation=chroot",
        "--layers",
        "--quiet",
        "--pull=never",
        f"--tag={tag}",
        f"--file={dockerfile}",
        *words,
        str(context),
    )
    return identity.strip().splitlines()[-1]


def load(places: Places, tag: str, identity: str) -> bool:
    """Import an image into the cluster, and tell whether it was not there yet."""
    ctr = ("ctr", "--address", str(places.containerd_socket), "--namespace", "k8s.io")
    label = f"minishop.dev/id={identity}"
    if run(*ctr, "images", "list", "--quiet", f'name=={tag},labels."minishop.dev/id"=={identity}'):
        return False
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "image.tar"
        run(
            "buildah",
            "push",
            "--quiet",
            "--disable-compression",
            identity,
            f"oci-archive:{archive}:{tag}",
        )
        run(*ctr, "images", "import", "--index-name", tag, str(archive))
    run(*ctr, "images", "label", tag, label)
    return True


def ensure_pause(places: Places, binary: Path) -> None:
    """Have the image that holds pods' namespaces open."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(binary, Path(folder) / "pause")
        os.utime(Path(folder) / "pause", (0, 0))
        dockerfile = binary.parent / "Dockerfile"
        dockerfile.write_text('FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n')
        identity = build(dockerfile, context=Path(folder), tag=PAUSE_IMAGE)
    load(places, PAUSE_IMAGE, identity)
