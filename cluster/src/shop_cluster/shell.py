"""Runs other programs, and lets a failure speak."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from shop_cluster.errors import ClusterError
from shop_cluster.progress import say


def run(
    *command: str,
    stdin: str | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a command and return what it printed. ``env`` is all of its environment.

    Raises:
        ClusterError: it failed, with its last line in the message; or there is no such program.

    """
    try:
        done = subprocess.run(  # noqa: S603 - every caller's words are its own
            command, input=stdin, text=True, capture_output=True, check=False, cwd=cwd, env=env
        )
    except FileNotFoundError:
        raise ClusterError(f"{command[0]} is missing: install it, and have it on PATH") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        # A builder's last words are its own; those that name the cause come just before.
        for line in said[-6:-1]:
            say(f"  {line}")
        raise ClusterError(f"`{' '.join(command[:2])}` failed: {said[-1]}")
    return done.stdout
