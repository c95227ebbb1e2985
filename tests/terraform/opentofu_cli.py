"""Runs OpenTofu as a person would, with the providers built here."""

import subprocess
from pathlib import Path

from shop_cluster.build import tool


def tofu(folder: Path, *words: str, environment: dict[str, str], ends_with: int = 0) -> str:
    """Run a command of OpenTofu in a folder and return what it printed."""
    command = [str(tool("tofu")), f"-chdir={folder}", *words]
    done = subprocess.run(command, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == ends_with, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout
