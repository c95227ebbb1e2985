"""The node's address and the host's settings, and how they are given back."""

import json
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shop_cluster.errors import ClusterError
from shop_cluster.paths import ClusterPaths, beside
from shop_cluster.shell import run

LINK = "minishop"
NODE_ADDRESS = "10.200.0.1"
POD_RANGE = "10.244.0.0/16"
NODE_POD_RANGE = "10.244.0.0/24"
SERVICE_RANGE = "10.96.0.0/16"
DNS_ADDRESS = "10.96.0.10"

# What the kubelet, kube-proxy and the network plugins change on the host.
_SYSCTLS = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/route_localnet",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
_OUR_CHAINS = ("KUBE-", "CNI-")
TABLES = ("iptables", "ip6tables")


def remember_host(paths: ClusterPaths) -> None:
    """Write down, once, what `restore_host` has to bring back."""
    record = paths.state / "host.json"
    if not record.exists():
        record.write_text(json.dumps({"sysctls": settings(), "tables": nft_tables()}))


def settings() -> dict[str, str]:
    """Return the kernel's settings that a cluster changes, as they are."""
    return {name: sysctl(name).read_text() for name in _SYSCTLS if sysctl(name).exists()}


def restore_settings(record: Path, other: Path) -> None:
    """Bring back the settings of a record, unless another cluster's record says that it needs them.

    That one then brings back what was before both.
    """
    before = json.loads(record.read_text())["sysctls"]
    if not other.exists():
        for name, value in before.items():
            sysctl(name).write_text(value)
    elif record.stat().st_mtime < other.stat().st_mtime:
        others = json.loads(other.read_text())
        other.write_text(json.dumps({**others, "sysctls": before}))


def add_node_address() -> None:
    """Give the node an address and ways that no network of the machine can take away.

    A bridge, as not every kernel has the dummy driver.
    """
    if LINK not in links():
        run("ip", "link", "add", LINK, "type", "bridge")
    run("ip", "address", "replace", f"{NODE_ADDRESS}/32", "dev", LINK)
    run("ip", "link", "set", LINK, "up")
    # A service without rules yet, or a pod that is no more, is nowhere: without these routes the
    # machine would look for it on its networks, where anybody may answer.
    run("ip", "route", "replace", SERVICE_RANGE, "dev", LINK)
    run("ip", "route", "replace", "unreachable", POD_RANGE)
    sysctl("net/ipv4/ip_forward").write_text("1")


def links() -> set[str]:
    """Return the names of this machine's network devices."""
    return {name for _, name in socket.if_nameindex()}


def restore_host(paths: ClusterPaths) -> None:
    """Remove the node's link, every rule of Kubernetes and CNI, and restore the settings."""
    for link in {LINK, *_pod_links()} & links():
        # A pod's goes by itself, but later: the kernel takes its time with a network namespace.
        subprocess.run(["ip", "link", "delete", link], capture_output=True, check=False)  # noqa: S603, S607 - gone already, perhaps
    if left := {LINK, *_pod_links()} & links():
        raise ClusterError(f"cannot remove the network links {', '.join(sorted(left))}: reboot")
    for route in _routes(POD_RANGE):
        if route.get("type") == "unreachable":
            run("ip", "route", "delete", "unreachable", POD_RANGE)
    for command in TABLES:
        _remove_rules(command)
    record = paths.state / "host.json"
    if record.exists():
        restore_settings(record, beside(paths.state) / "host.json")
        remove_new_tables(json.loads(record.read_text())["tables"])


def _pod_links() -> set[str]:
    """Return the host's ends of the pods' networks: each is the way to one pod's address."""
    return {route["dev"] for route in _routes(POD_RANGE) if "scope" in route}


def _routes(within: str) -> list[dict[str, Any]]:
    routes: list[dict[str, Any]] = json.loads(
        run("ip", "-json", "route", "show", "root", within) or "[]"
    )
    return routes


def _remove_rules(command: str) -> None:
    saved = run(f"{command}-save").splitlines()
    kept = [line for line in saved if not any(chain in line for chain in _OUR_CHAINS)]
    if kept != saved:
        run(f"{command}-restore", stdin="\n".join(kept) + "\n")


def remove_new_tables(before: Sequence[str]) -> None:
    """Remove those of nftables' tables that were not there before and hold no rule."""
    for table in nft_tables():
        if table not in before and _is_empty_table(table):
            run("nft", "delete", "table", *table.split())


def nft_tables() -> list[str]:
    """Return the names of nftables' tables, as `ip filter`."""
    return [line.removeprefix("table ") for line in run("nft", "list", "tables").splitlines()]


def _is_empty_table(table: str) -> bool:
    """Tell whether a table has no rule: only chains that accept."""
    lines = [line.strip() for line in run("nft", "list", "table", *table.split()).splitlines()]
    plain = ("table ", "chain ", "type ", "}", "#")
    return all(not line or line.startswith(plain) for line in lines) and not any(
        "policy drop" in line for line in lines
    )


def sysctl(name: str) -> Path:
    """Return the file of one of the kernel's settings."""
    return Path("/proc/sys") / name
