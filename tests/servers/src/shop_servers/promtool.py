"""Prometheus' own checker of rules, from Debian's package of Prometheus."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

from shop_servers.packages import debian

Promtool = Callable[..., "subprocess.CompletedProcess[str]"]


def installed() -> Promtool:
    """Return what runs promtool with words, and returns how it ended and what it said."""
    program = asyncio.run(debian("prometheus", "promtool"))

    def run(*words: str | Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([program, *words], text=True, capture_output=True, check=False)

    return run
