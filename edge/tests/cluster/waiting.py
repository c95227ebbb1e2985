"""Waiting for what a cluster does in its own time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
SECONDS = 90.0


async def until(look: Callable[[], Awaitable[T]], *, seconds: float = SECONDS) -> T:
    """Return what is found once it is anything."""
    deadline = time.monotonic() + seconds
    while not (found := await look()):
        assert time.monotonic() < deadline, f"still {found!r} after {seconds} s"
        await asyncio.sleep(0.2)
    return found
