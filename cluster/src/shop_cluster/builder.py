"""What buildah, the builder of images, has in its storage."""

import subprocess

from shop_cluster.errors import ClusterError

_UNKNOWN = "image not known"


def identity_of(image: str) -> str | None:
    """Return the id (hex) of an image, by its tag or id; None where the builder has no such image.

    A list of all would fail when another process replaces one of them meanwhile.

    Raises:
        ClusterError: the builder cannot tell.

    """
    asked = ("/usr/bin/buildah", "inspect", "--type=image", "--format={{.FromImageID}}", image)
    done = subprocess.run(asked, text=True, capture_output=True, check=False)  # noqa: S603 - an image of ours
    if done.returncode == 0:
        return done.stdout.strip()
    if _UNKNOWN in done.stderr:
        return None
    raise ClusterError(f"`buildah inspect {image}` failed: {done.stderr.strip()}")
