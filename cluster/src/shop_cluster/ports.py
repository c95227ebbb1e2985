"""The ports of the cluster's own programs: side by side, below the NodePort range."""

import socket

API = 6443
ETCD = 6444
ETCD_PEER = 6445
CONTROLLER_MANAGER = 6446
SCHEDULER = 6447
KUBELET = 6448
KUBELET_HEALTH = 6449
PROXY_HEALTH = 6450
PROXY_METRICS = 6451
DNS = 6452
DNS_HEALTH = 6453
DNS_READY = 6454

ALL = range(API, DNS_READY + 1)
# From 8000, so that the shop's entry can be 8080; Kubernetes' usual 30000-32767 is within.
NODE_PORTS = "8000-32767"


def takes_connections(port: int, *, address: str = "127.0.0.1") -> bool:
    """Tell whether anybody answers there, a program or a rule of the kernel's."""
    with socket.socket() as asked:
        asked.settimeout(1)
        return asked.connect_ex((address, port)) == 0
