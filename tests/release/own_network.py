"""A network of a test's own, for servers that cannot be told where to listen."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET of linux/sched.h


@contextmanager
def own_network() -> Iterator[None]:
    """Give this thread, and what it starts, a network with nothing but loopback. Needs root.

    Raises:
        OSError: the kernel refuses.

    """
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open("rb") as before:
        _require(libc.unshare(_NEW_NETWORK))
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            yield
        finally:
            _require(libc.setns(before.fileno(), _NEW_NETWORK))


def _require(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
