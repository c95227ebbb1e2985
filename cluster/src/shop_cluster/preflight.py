"""What must be true of the machine before anything is started."""

import os
import platform
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path

from shop_cluster import cgroups, ports
from shop_cluster.errors import ClusterError
from shop_cluster.paths import ClusterPaths, cache

_GIB = 1024**3
NEEDED_DISK = 10 * _GIB


def check_user(*, system: str | None = None) -> None:
    """Raise ClusterError unless this is root on Linux; ``system`` is this machine's by default."""
    if (system or platform.system()) != "Linux":
        raise ClusterError(
            "the embedded cluster runs on Linux only: install Docker and kind, then"
            " `make cluster CLUSTER=kind`"
        )
    if os.geteuid() != 0:
        raise ClusterError("the embedded cluster needs root: run `sudo make cluster`")


def check_machine(paths: ClusterPaths, *, needed_disk: int = NEEDED_DISK) -> None:
    """Raise ClusterError when the machine cannot hold the cluster.

    ``needed_disk`` is in bytes, on each of the file systems that will grow.
    """
    cgroups.check()
    check_disk((paths.state, cache()), needed_disk=needed_disk)


def check_disk(folders: Iterable[Path], *, needed_disk: int = NEEDED_DISK) -> None:
    """Raise ClusterError when ``needed_disk`` bytes are not free where one of them will be."""
    for folder in folders:
        existing = next(each for each in (folder, *folder.parents) if each.exists())
        free = shutil.disk_usage(existing).free
        if free < needed_disk:
            raise ClusterError(
                f"{free / _GIB:.1f} GiB free for {folder}, {needed_disk / _GIB:.0f} GiB needed:"
                " free some, or set MINISHOP_STATE and XDG_CACHE_HOME to another disk"
            )


def check_ports(wanted: Iterable[int] = ports.ALL) -> None:
    """Raise ClusterError when another program holds one of the ports."""
    for port in wanted:
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("0.0.0.0", port))  # noqa: S104 - looks, never listens
            except OSError as error:
                raise ClusterError(
                    f"port {port} is in use by another program: stop it (`ss -ltnp 'sport ="
                    f" :{port}'` names it), then run this again"
                ) from error
