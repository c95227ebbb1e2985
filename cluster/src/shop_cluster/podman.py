"""Debian's podman, for kind where no Docker is: apart from any other podman of this machine.

It has folders, settings, locks and networks of its own, and reads images where buildah has them.
"""

import resource
from dataclasses import dataclass
from pathlib import Path

from shop_cluster import packages
from shop_cluster.build import shopkube, tool
from shop_cluster.containerd import has_sys_resource
from shop_cluster.paths import ClusterPaths, beside
from shop_cluster.shell import run

_PACKAGES = {
    "/usr/bin/podman": "podman",
    "/usr/lib/podman/netavark": "netavark",
    "/usr/bin/conmon": "conmon",
}
_LIMIT = 16384
"""Of files and of processes: enough for every server of the shop's, and below podman's own."""
_MODULES = Path("/lib/modules")

_CONTAINERS = """\
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
runtime = "runc"
tmp_dir = "{run}/libpod"
[network]
network_backend = "netavark"
network_config_dir = "{state}/networks"
[containers]
pids_limit = 0
{limits}
"""
_STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{state}/storage"
runroot = "{run}/storage"
[storage.options]
additionalimagestores = ["{images}"]
"""
# kind gives each node the machine's kernel modules, which a machine may not have.
_PODMAN = """\
#!/bin/bash
export CONTAINERS_CONF={state}/containers.conf CONTAINERS_STORAGE_CONF={state}/storage.conf
words=()
for word; do
    if [[ $word == {modules}:* && ! -d {modules} ]]; then
        unset 'words[-1]'
    else
        words+=("$word")
    fi
done
exec /usr/bin/podman "${{words[@]}}"
"""
_KIND = """\
#!/bin/sh
export KIND_EXPERIMENTAL_PROVIDER=podman PATH="{state}/bin:$PATH"
exec {kind} "$@"
"""
_KUBECTL = """\
#!/bin/sh
exec {shopkube} kubectl "$@"
"""


@dataclass(frozen=True, kw_only=True)
class PodmanPaths:
    """The folders of our podman: `state` holds its containers, `run` what need not outlive it."""

    state: Path
    run: Path

    @classmethod
    def of_this_machine(cls) -> "PodmanPaths":
        """Return them: beside the embedded cluster's."""
        cluster = ClusterPaths.of_this_machine()
        return cls(state=beside(cluster.state), run=beside(cluster.run))

    def program(self, name: str) -> str:
        """Return the path of `podman`, `kind` or `kubectl` as they are for this podman."""
        return str(self.state / "bin" / name)


def prepare(paths: PodmanPaths) -> None:
    """Install podman where it is missing, and write its settings and programs.

    Raises:
        ClusterError: apt could not, or a program could not be built.

    """
    missing = [package for file, package in _PACKAGES.items() if not Path(file).exists()]
    if missing:
        packages.install(missing)
    packages.install_missing()
    for folder in (paths.state / "bin", paths.state / "networks", paths.run):
        folder.mkdir(parents=True, exist_ok=True)
    images = run("buildah", "info", "--format", "{{.store.GraphRoot}}").strip()
    names = {
        "state": paths.state,
        "run": paths.run,
        "images": images,
        "limits": "" if has_sys_resource() else _limits(),
        "modules": _MODULES,
    }
    (paths.state / "containers.conf").write_text(_CONTAINERS.format(**names))
    (paths.state / "storage.conf").write_text(_STORAGE.format(**names))
    programs = {
        "podman": _PODMAN.format(**names),
        "kind": _KIND.format(state=paths.state, kind=tool("kind")),
        "kubectl": _KUBECTL.format(shopkube=shopkube()),
    }
    for name, text in programs.items():
        file = paths.state / "bin" / name
        file.write_text(text)
        file.chmod(0o755)


def _limits() -> str:
    """Return the setting that keeps podman from raising limits, which it may not."""
    wanted = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    limits = {name: min(resource.getrlimit(of)[1], _LIMIT) for name, of in wanted.items()}
    words = ", ".join(f'"{name}={limit}:{limit}"' for name, limit in limits.items())
    return f"default_ulimits = [{words}]"
