"""Shows what runs and what is ready."""

import sys

from shop_cluster.certificates import Authority
from shop_cluster.paths import ClusterPaths
from shop_cluster.probes import probes
from shop_cluster.processes import pid_of


def status(paths: ClusterPaths) -> int:
    """Print a line a part; return 0 when all are ready, 1 otherwise."""
    if not paths.programs.exists():
        sys.stdout.write("no cluster: `make cluster` brings it up\n")
        return 1
    ready = True
    for probe in probes(paths, Authority(paths.pki)):
        answer = probe.ask()
        ready &= answer
        pid = pid_of(paths, probe.program)
        sys.stdout.write(
            f"{probe.name:<15} {'ready' if answer else 'not ready':<10}"
            f" {probe.program} {f'pid {pid}' if pid else 'does not run'}\n"
        )
    sys.stdout.write(f"export KUBECONFIG={paths.kubeconfig}\n")
    return 0 if ready else 1
