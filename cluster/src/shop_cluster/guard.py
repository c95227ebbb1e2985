"""Starts another supervisor when the supervisor ends: `python -m shop_cluster.guard STATE RUN`.

It is itself one of the supervisor's programs, so that each brings the other back.
"""

import os
import select
import sys
import time
from pathlib import Path

from shop_cluster import supervisor
from shop_cluster.paths import ClusterPaths
from shop_cluster.processes import pid_of

_START_SECONDS = 0.5


def main() -> None:
    """Guard until the list of programs is taken away."""
    paths = ClusterPaths(state=Path(sys.argv[1]), run=Path(sys.argv[2]))
    while paths.programs.exists():
        pid = pid_of(paths, "supervisor")
        if pid is None:
            supervisor.start(paths)
            time.sleep(_START_SECONDS)
        else:
            _wait(pid)


def _wait(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    select.select([descriptor], [], [])
    os.close(descriptor)


if __name__ == "__main__":
    main()
