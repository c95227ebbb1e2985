"""Asks each part of the cluster whether it is ready, and waits until it is."""

import json
import socket
import ssl
import struct
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shop_cluster import ports
from shop_cluster.certificates import Authority
from shop_cluster.errors import ClusterError
from shop_cluster.network import NODE_ADDRESS
from shop_cluster.node_programs import ADDRESSES, NODE
from shop_cluster.paths import ClusterPaths

_HTTP_OK = 200


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A part's name, how to ask it, and which program's log tells why it is not ready."""

    name: str
    ask: Callable[[], bool]
    program: str


def probes(paths: ClusterPaths, authority: Authority) -> list[Probe]:
    """Return the questions, in the order in which the parts depend on each other."""
    certificate, key = authority.issue("client-admin", user="admin", groups=("system:masters",))
    context = ssl.create_default_context(cafile=authority.certificate)
    context.load_cert_chain(certificate, key)
    # The controllers and the scheduler sign their own certificates, on 127.0.0.1.
    own = ssl._create_unverified_context()  # noqa: S323, SLF001 - loopback, and only /healthz
    api = ADDRESSES.server

    def get(url: str, tls: ssl.SSLContext | None = None) -> Callable[[], bool]:
        return lambda: _get(url, tls) is not None

    def node_ready() -> bool:
        node = _get(f"{api}/api/v1/nodes/{NODE}", context)
        conditions = json.loads(node)["status"].get("conditions", []) if node else []
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def local(port: int, path: str) -> str:
        return f"http://127.0.0.1:{port}/{path}"

    return [
        Probe(
            name="etcd",
            ask=get(f"https://127.0.0.1:{ports.ETCD}/health", context),
            program="etcd",
        ),
        Probe(name="API server", ask=get(f"{api}/readyz", context), program="kube-apiserver"),
        Probe(
            name="containerd",
            ask=lambda: _accepts(paths.containerd_socket),
            program="containerd",
        ),
        Probe(
            name="controllers",
            ask=get(f"https://127.0.0.1:{ports.CONTROLLER_MANAGER}/healthz", own),
            program="kube-controller-manager",
        ),
        Probe(
            # Without it, no pod is admitted to the namespace.
            name="default account",
            ask=get(f"{api}/api/v1/namespaces/default/serviceaccounts/default", context),
            program="kube-controller-manager",
        ),
        Probe(
            name="scheduler",
            ask=get(f"https://127.0.0.1:{ports.SCHEDULER}/healthz", own),
            program="kube-scheduler",
        ),
        Probe(name="kubelet", ask=get(local(ports.KUBELET_HEALTH, "healthz")), program="kubelet"),
        Probe(name="node", ask=node_ready, program="kubelet"),
        Probe(name="proxy", ask=get(local(ports.PROXY_HEALTH, "healthz")), program="kube-proxy"),
        Probe(name="DNS", ask=get(local(ports.DNS_READY, "ready")), program="coredns"),
        Probe(
            name="service names",
            ask=lambda: resolves("kubernetes.default.svc.cluster.local"),
            program="coredns",
        ),
    ]


def wait(probe: Probe, paths: ClusterPaths, *, seconds: float) -> None:
    """Ask until the answer is yes.

    Raises:
        ClusterError: it was not within the time; the program's log is named.

    """
    deadline = time.monotonic() + seconds
    while not probe.ask():
        if time.monotonic() > deadline:
            log = paths.logs / f"{probe.program}.log"
            raise ClusterError(f"{probe.name} not ready after {seconds:.0f}s: see {log}")
        time.sleep(0.1)


def resolves(name: str) -> bool:
    """Ask the cluster's name server for an IPv4 address of a name (RFC 1035)."""
    labels = b"".join(bytes([len(each)]) + each.encode() for each in name.split("."))
    query = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.settimeout(1)
        try:
            asked.sendto(query, (NODE_ADDRESS, ports.DNS))
            answer = asked.recv(512)
        except OSError:
            return False
    return len(answer) > len(query) and struct.unpack(">H", answer[6:8])[0] > 0


def _get(url: str, tls: ssl.SSLContext | None) -> bytes | None:
    try:
        with urllib.request.urlopen(url, timeout=2, context=tls) as answer:  # noqa: S310 - ours
            return bytes(answer.read()) if answer.status == _HTTP_OK else None
    except (urllib.error.URLError, OSError):
        return None


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as asked:
        try:
            asked.connect(str(path))
        except OSError:
            return False
    return True
