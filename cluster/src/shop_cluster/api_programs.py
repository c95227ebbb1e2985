"""Command lines of etcd and the API server: the part of a cluster that can stand alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shop_cluster.certificates import Authority
from shop_cluster.program import Program, shopkube_program

SERVICE_ACCOUNT_ISSUER = "https://kubernetes.default.svc.cluster.local"
_FRONT_PROXY = "front-proxy-client"
"""As whom the API server asks an API that a pod serves (metrics-server), for somebody else."""


@dataclass(frozen=True, kw_only=True)
class ApiAddresses:
    """Where etcd and the API server listen, and the range of ClusterIPs."""

    host: str
    api_port: int
    etcd_port: int
    etcd_peer_port: int
    service_range: str = "10.96.0.0/16"
    # The first address of the service range, always the API server's own.
    kubernetes_service: str = "10.96.0.1"

    @property
    def server(self) -> str:
        """The API server's URL."""
        return f"https://{self.host}:{self.api_port}"


def etcd(binary: Path, data: Path, authority: Authority, addresses: ApiAddresses) -> Program:
    """Return etcd for a throwaway cluster: no fsync, as its data is made anew by `make up`."""
    certificate, key = authority.issue("etcd", user="etcd", hosts=["127.0.0.1", "localhost"])
    client = f"https://127.0.0.1:{addresses.etcd_port}"
    peer = f"http://127.0.0.1:{addresses.etcd_peer_port}"
    flags: dict[str, object] = {
        "name": "minishop",
        "data-dir": data,
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"minishop={peer}",
        "cert-file": certificate,
        "key-file": key,
        "client-cert-auth": True,
        "trusted-ca-file": authority.certificate,
        "unsafe-no-fsync": True,
        "auto-compaction-retention": "5m",
        "log-level": "warn",
    }
    return shopkube_program(binary, "etcd", flags)


def kube_apiserver(
    binary: Path,
    authority: Authority,
    addresses: ApiAddresses,
    extra: Mapping[str, object] | None = None,
) -> Program:
    """Return the API server; ``extra`` flags are added, or replace those of the same name."""
    certificate, key = authority.issue(
        "apiserver",
        user="kube-apiserver",
        hosts=[
            addresses.host,
            "127.0.0.1",
            addresses.kubernetes_service,
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        ],
    )
    etcd_certificate, etcd_key = authority.issue("apiserver-etcd-client", user="kube-apiserver")
    front_certificate, front_key = authority.issue("front-proxy-client", user=_FRONT_PROXY)
    token_public, token_key = authority.signing_key("service-account")
    flags: dict[str, object] = {
        "bind-address": addresses.host,
        "advertise-address": addresses.host,
        "secure-port": addresses.api_port,
        "tls-cert-file": certificate,
        "tls-private-key-file": key,
        "client-ca-file": authority.certificate,
        "etcd-servers": f"https://127.0.0.1:{addresses.etcd_port}",
        "etcd-cafile": authority.certificate,
        "etcd-certfile": etcd_certificate,
        "etcd-keyfile": etcd_key,
        "proxy-client-cert-file": front_certificate,
        "proxy-client-key-file": front_key,
        "requestheader-client-ca-file": authority.certificate,
        "requestheader-allowed-names": _FRONT_PROXY,
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "service-cluster-ip-range": addresses.service_range,
        "service-account-issuer": SERVICE_ACCOUNT_ISSUER,
        "service-account-key-file": token_public,
        "service-account-signing-key-file": token_key,
        "authorization-mode": ["Node", "RBAC"],
        "enable-admission-plugins": ["NodeRestriction"],
        "enable-priority-and-fairness": False,
        "profiling": False,
    }
    return shopkube_program(binary, "kube-apiserver", {**flags, **(extra or {})})
