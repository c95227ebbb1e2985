"""The container runtime: a containerd of the cluster's own, apart from any other."""

from pathlib import Path

from shop_cluster.images import PAUSE_IMAGE
from shop_cluster.network import NODE_POD_RANGE
from shop_cluster.paths import ClusterPaths, cache
from shop_cluster.program import Program

_CAP_SYS_RESOURCE = 24

_CONFIG = """\
version = 2
root = "{root}"
state = "{run}/containerd"
# opt would write to /opt; the others need file systems that the cluster does not use.
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = "{socket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # Without CAP_SYS_RESOURCE a score below our own is refused, and with it every sandbox.
  restrict_oom_score_adj = {restrict_oom}
  netns_mounts_under_state_dir = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{state}/cni"

  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
      Root = "{run}/runc"
"""

# ptp, not bridge: every packet between pods passes the host's routing, so Services work
# without the br_netfilter module. firewall lets pods through where FORWARD drops (Docker).
_NETWORK = """\
{{
  "cniVersion": "0.4.0",
  "name": "minishop",
  "plugins": [
    {{
      "type": "ptp",
      "ipMasq": true,
      "ipam": {{
        "type": "host-local",
        "dataDir": "{run}/cni",
        "ranges": [[{{"subnet": "{pods}"}}]],
        "routes": [{{"dst": "0.0.0.0/0"}}]
      }}
    }},
    {{"type": "firewall", "backend": "iptables"}},
    {{"type": "portmap", "capabilities": {{"portMappings": true}}}}
  ]
}}
"""


def image_store() -> Path:
    """Return where images are kept: in the cache, so that the next cluster starts warm."""
    return cache() / "containerd"


def containerd(paths: ClusterPaths) -> Program:
    """Return the runtime, its configuration written."""
    config = paths.state / "containerd.toml"
    config.write_text(
        _CONFIG.format(
            root=image_store(),
            run=paths.run,
            state=paths.state,
            socket=paths.containerd_socket,
            pause=PAUSE_IMAGE,
            restrict_oom=str(not has_sys_resource()).lower(),
        )
    )
    network = paths.state / "cni" / "10-minishop.conflist"
    network.parent.mkdir(exist_ok=True)
    network.write_text(_NETWORK.format(run=paths.run, pods=NODE_POD_RANGE))
    return Program(name="containerd", command=("containerd", "--config", str(config)))


def has_sys_resource() -> bool:
    """Tell whether this process may lower a process's OOM score below its own."""
    status = Path("/proc/self/status").read_text()
    held = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(held.split()[1], 16) >> _CAP_SYS_RESOURCE & 1)
