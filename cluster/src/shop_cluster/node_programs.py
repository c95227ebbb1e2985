"""Command lines of the programs that make an API server a cluster."""

from pathlib import Path

import yaml

from shop_cluster import ports
from shop_cluster.api_programs import ApiAddresses
from shop_cluster.certificates import Authority
from shop_cluster.containerd import has_sys_resource
from shop_cluster.kubeconfig import write_kubeconfig
from shop_cluster.network import DNS_ADDRESS, NODE_ADDRESS, POD_RANGE, SERVICE_RANGE
from shop_cluster.paths import ClusterPaths
from shop_cluster.program import Program, shopkube_program

NODE = "minishop"

ADDRESSES = ApiAddresses(
    host=NODE_ADDRESS,
    api_port=ports.API,
    etcd_port=ports.ETCD,
    etcd_peer_port=ports.ETCD_PEER,
    service_range=SERVICE_RANGE,
)


def _access(paths: ClusterPaths, authority: Authority, name: str, user: str, *groups: str) -> Path:
    return write_kubeconfig(
        paths.state / f"{name}.kubeconfig",
        authority,
        server=ADDRESSES.server,
        user=user,
        groups=groups,
    )


def _controller_flags(access: Path, *, port: int) -> dict[str, object]:
    """Return the flags that the controllers and the scheduler have in common."""
    return {
        "kubeconfig": access,
        "authentication-kubeconfig": access,
        "authorization-kubeconfig": access,
        "bind-address": "127.0.0.1",
        "secure-port": port,
        "leader-elect": False,
        "profiling": False,
    }


def kube_controller_manager(binary: Path, paths: ClusterPaths, authority: Authority) -> Program:
    """Return the controllers, each with a service account of its own."""
    name = "kube-controller-manager"
    access = _access(paths, authority, name, f"system:{name}")
    _, token_key = authority.signing_key("service-account")
    return shopkube_program(
        binary,
        name,
        {
            **_controller_flags(access, port=ports.CONTROLLER_MANAGER),
            "use-service-account-credentials": True,
            "root-ca-file": authority.certificate,
            "service-account-private-key-file": token_key,
            "cluster-signing-cert-file": authority.certificate,
            "cluster-signing-key-file": authority.folder / "ca.key",
            "allocate-node-cidrs": True,
            "cluster-cidr": POD_RANGE,
            "service-cluster-ip-range": ADDRESSES.service_range,
        },
    )


def kube_scheduler(binary: Path, paths: ClusterPaths, authority: Authority) -> Program:
    """Return the scheduler."""
    name = "kube-scheduler"
    access = _access(paths, authority, name, f"system:{name}")
    return shopkube_program(
        binary,
        name,
        {
            **_controller_flags(access, port=ports.SCHEDULER),
        },
    )


def kubelet(binary: Path, paths: ClusterPaths, authority: Authority) -> Program:
    """Return the kubelet, its configuration written."""
    certificate, key = authority.issue("kubelet-server", user=NODE, hosts=[NODE_ADDRESS, NODE])
    root = paths.state / "kubelet"
    configuration = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS,
        "port": ports.KUBELET,
        "healthzPort": ports.KUBELET_HEALTH,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(authority.certificate)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(certificate),
        "tlsPrivateKeyFile": str(key),
        "containerRuntimeEndpoint": f"unix://{paths.containerd_socket}",
        "podLogsDir": str(paths.pod_logs),
        "volumePluginDir": str(root / "volume-plugins"),
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{paths.cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "makeIPTablesUtilChains": False,
        "seccompDefault": True,
        # Images have no registry to come back from.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1Gi"},
        "oomScoreAdj": -999 if has_sys_resource() else 0,
    }
    file = paths.state / "kubelet.yaml"
    file.write_text(yaml.safe_dump(configuration))
    return shopkube_program(
        binary,
        "kubelet",
        {
            "config": file,
            "kubeconfig": _access(
                paths, authority, "kubelet", f"system:node:{NODE}", "system:nodes"
            ),
            "hostname-override": NODE,
            "node-ip": NODE_ADDRESS,
            "root-dir": root,
            "cert-dir": paths.pki,
        },
    )


def kube_proxy(binary: Path, paths: ClusterPaths, authority: Authority) -> Program:
    """Return kube-proxy; node ports answer on this machine only, not on its networks."""
    return shopkube_program(
        binary,
        "kube-proxy",
        {
            "kubeconfig": _access(paths, authority, "kube-proxy", "system:kube-proxy"),
            "hostname-override": NODE,
            "proxy-mode": "iptables",
            "cluster-cidr": POD_RANGE,
            "nodeport-addresses": ["127.0.0.0/8", f"{NODE_ADDRESS}/32"],
            "healthz-bind-address": f"127.0.0.1:{ports.PROXY_HEALTH}",
            "metrics-bind-address": f"127.0.0.1:{ports.PROXY_METRICS}",
            "conntrack-max-per-core": 0,
            "iptables-min-sync-period": "100ms",
            "oom-score-adj": -999 if has_sys_resource() else 0,
        },
    )


def coredns(binary: Path, paths: ClusterPaths, authority: Authority) -> Program:
    """Return the cluster's name server, on the node's address.

    A process of the host, not a pod: it needs no image, and it asks the host's resolver where
    a pod could not reach it (systemd-resolved listens on a loopback address).
    """
    access = _access(paths, authority, "coredns", "system:coredns")
    upstream = "    forward . /etc/resolv.conf\n" if _has_resolver() else ""
    corefile = paths.state / "Corefile"
    corefile.write_text(
        f".:{ports.DNS} {{\n"
        f"    bind {NODE_ADDRESS}\n"
        "    errors\n"
        f"    health 127.0.0.1:{ports.DNS_HEALTH}\n"
        f"    ready 127.0.0.1:{ports.DNS_READY}\n"
        "    kubernetes cluster.local in-addr.arpa {\n"
        f"        kubeconfig {access}\n"
        "        fallthrough in-addr.arpa\n"
        "        ttl 5\n"
        "    }\n"
        f"{upstream}"
        # As kubeadm has it: who asks for a service's pods is told of those that are there now.
        "    cache 30 {\n"
        "        disable success cluster.local\n"
        "        disable denial cluster.local\n"
        "    }\n"
        "}\n"
    )
    return Program(name="coredns", command=(str(binary), "coredns", "-conf", str(corefile)))


def provisioner(binary: Path, paths: ClusterPaths, authority: Authority) -> Program:
    """Return what gives each PersistentVolumeClaim a directory."""
    volumes = paths.state / "volumes"
    volumes.mkdir(mode=0o700, exist_ok=True)
    access = _access(paths, authority, "provisioner", "system:provisioner")
    return shopkube_program(binary, "provisioner", {"kubeconfig": access, "root": volumes})


def _has_resolver() -> bool:
    file = Path("/etc/resolv.conf")
    return file.exists() and any(
        line.startswith("nameserver") for line in file.read_text().splitlines()
    )
