"""Brings Kong in front of the shop, and takes it away again.

The shop's entry, port 8080, is the gateway's NodePort before and after, and Kong's meanwhile; the
operator is told that there is an edge, and makes routes and plugins for it.
"""

import base64
import json
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from shop_cluster import flux_entry, platform
from shop_cluster.certificates import Authority
from shop_cluster.errors import ClusterError
from shop_cluster.kubernetes_api import Resource
from shop_cluster.operator_settings import has_operator, tell_operator
from shop_cluster.paths import checkout
from shop_cluster.platform import Report
from shop_cluster.ports import takes_connections
from shop_cluster.shell import run

LAYER = "edge"
NAMESPACE = "kong"
ENTRY = ("service/entry", "--namespace=shop")
"""The gateway's NodePort, which a cluster without the layer has."""
PORTS = (8080, 8443)
"""Of Kong's NodePort."""
HOSTS = ("shop.localhost", "www.shop.localhost", "localhost", "127.0.0.1", "::1")
"""What Kong's certificate is for."""
_OVERLAY = "embedded-edge"
_SETTINGS = {"MINISHOP_EDGE": "gateway-api", "MINISHOP_ROUTE_PORT": "8080"}
"""What the operator is told while the layer is there."""
_SECONDS = 300


def install(
    *, kubectl: Sequence[str], kubeconfig: Path, authority: Authority, report: Report
) -> None:
    """Return when Kong is the way in, and every route of the shop has its word that it serves it.

    Idempotent. ``kubectl`` is how to call it, without a kubeconfig.

    Raises:
        ClusterError: there is no shop, the API server refused something, or it took too long.

    """
    command = (*kubectl, f"--kubeconfig={kubeconfig}")
    if not has_operator(command):
        raise ClusterError("there is no shop to stand in front of: run `make up` first")
    manifests = platform.render(kubectl, [platform.overlay_folder(_OVERLAY)])
    entry = [found for found in manifests if _is_entry(found)]
    platform.apply_kinds(command, manifests)
    platform.apply(command, [certificate_secret(authority)])
    # The port passes on when who takes it can serve.
    rest = [found for found in manifests if not _is_entry(found)]
    platform.apply_objects(command, rest, report)
    tell_operator(command, *(f"{name}={value}" for name, value in _SETTINGS.items()))
    _wait_for_routes(command, report)
    flux_entry.leave_out(command)
    _take_entry(command, entry)
    _wait_for_entry()
    report("Kong is the way in: http://127.0.0.1:8080, https://127.0.0.1:8443")


def remove(*, kubectl: Sequence[str], kubeconfig: Path, report: Report) -> None:
    """Return when nothing of the layer is left; harmless when there is none.

    Raises:
        ClusterError: the API server refused something, or it took too long.

    """
    command = (*kubectl, f"--kubeconfig={kubeconfig}")
    manifests = platform.render(kubectl, [platform.overlay_folder(_OVERLAY)])
    run(*command, "delete", "service/kong-entry", f"-n={NAMESPACE}", "--ignore-not-found")
    flux_entry.keep(command)
    if run(*command, "get", "namespace", "shop", "--ignore-not-found", "--output=name"):
        entry = (checkout() / "manifests" / "dev" / "entry.yaml").read_text()
        platform.apply(command, list(yaml.safe_load_all(entry)))
    if has_operator(command):
        tell_operator(command, *(f"{name}-" for name in _SETTINGS))
    text = yaml.dump_all(manifests, Dumper=yaml.CSafeDumper)
    options = ("--ignore-not-found", "--wait=true", f"--timeout={_SECONDS}s")
    run(*command, "delete", *options, "-f", "-", stdin=text)
    report("the layer is gone, the gateway's NodePort is the way in again")


def _is_entry(found: Resource) -> bool:
    return bool(found["kind"] == "Service" and found["spec"].get("type") == "NodePort")


def certificate_secret(authority: Authority) -> Resource:
    """Return the Secret with Kong's certificate, which the cluster's own authority signed."""
    certificate, key = authority.issue("kong-edge", user="kong", hosts=HOSTS)
    files = {"tls.crt": certificate, "tls.key": key}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": "kong-tls", "namespace": NAMESPACE},
        "data": {
            name: base64.b64encode(file.read_bytes()).decode() for name, file in files.items()
        },
    }


def _take_entry(kubectl: Sequence[str], entry: Sequence[Resource]) -> None:
    """Have Kong's NodePort in place of the gateway's. Raises ClusterError."""
    deadline = time.monotonic() + _SECONDS
    while True:
        run(*kubectl, "delete", *ENTRY, "--ignore-not-found")
        try:
            platform.apply(kubectl, entry)
        except ClusterError as error:
            # What Flux has begun before it was told otherwise may bring the gateway's once more.
            if "already allocated" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return


def _wait_for_routes(kubectl: Sequence[str], report: Report) -> None:
    """Return when Kong has taken every HTTPRoute. Raises ClusterError with what it says of one."""
    report("waiting until Kong has taken the routes")
    deadline = time.monotonic() + _SECONDS
    while True:
        listed = run(*kubectl, "get", "httproutes", "--all-namespaces", "--output=json")
        routes = json.loads(listed)["items"]
        late = {each["metadata"]["name"]: _waits_for(each) for each in routes}
        late = {name: why for name, why in late.items() if why}
        # The operator makes one for the gateway; `entry` is the layer's own.
        if not late and {"entry", "gateway"} <= {each["metadata"]["name"] for each in routes}:
            return
        if time.monotonic() > deadline:
            said = "; ".join(f"{name}: {why}" for name, why in late.items()) or "no route is there"
            raise ClusterError(f"routes not served after {_SECONDS} s: {said}")
        time.sleep(0.5)


def _wait_for_entry() -> None:
    """Return when both NodePorts take connections: the node hears of it after the API server."""
    deadline = time.monotonic() + _SECONDS
    for port in PORTS:
        while not takes_connections(port):
            if time.monotonic() > deadline:
                raise ClusterError(f"127.0.0.1:{port} takes no connection after {_SECONDS} s")
            time.sleep(0.1)


def _waits_for(route: Resource) -> str:
    """Return what keeps a route from being served; "" when nothing does."""
    parents = route.get("status", {}).get("parents", [])
    if not parents:
        return "not taken yet"
    for parent in parents:
        found = {each["type"]: each for each in parent.get("conditions", [])}
        for wanted in ("Accepted", "ResolvedRefs", "Programmed"):
            said = found.get(wanted, {})
            if said.get("status") != "True":
                return f"{wanted}: {said.get('message') or said.get('reason') or 'not said yet'}"
    return ""
