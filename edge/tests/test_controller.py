"""The real Kong Ingress Controller, with the layer's rights and settings, on a real API server."""

import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import yaml

from shop_cluster.build import programs
from shop_cluster.control_plane import ControlPlane, control_plane
from shop_cluster.edge import certificate_secret
from shop_cluster.published_crds import EMBEDDED, published

from .backend import Backend
from .conftest import Edge

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "manifests" / "edge" / "images" / "kong-ingress-controller"
HOST = {"Host": "shop.localhost"}
SECONDS = 120
T = TypeVar("T")


@dataclass(frozen=True)
class Controlled:
    plane: ControlPlane
    edge: Edge
    backend: Backend

    def apply(self, *objects: dict[str, Any]) -> None:
        options = ("--server-side", "--force-conflicts", "-f", "-")
        self.plane.kubectl("apply", *options, stdin=yaml.safe_dump_all(objects))

    def get(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.plane.kubectl("get", *words, "-o=json"))
        return found


def until(look: Callable[[], T], *, seconds: float = SECONDS) -> T:
    """Return what is found once it is anything."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"still {found!r} after {seconds} s"
        time.sleep(0.1)
    return found


def until_equal(look: Callable[[], T], wanted: T, *, seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while (found := look()) != wanted:
        assert time.monotonic() < deadline, f"still {found!r} after {seconds} s"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def controlled(edge: Edge, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controlled]:
    folder = tmp_path_factory.mktemp("controller")
    [program] = programs(MODULE)
    address = own_address()
    backend = Backend(host=address)
    crds = published(name for name in EMBEDDED if "konghq" in name or "gateway" in name)
    with control_plane(folder, crds=crds) as plane:
        found = Controlled(plane, edge, backend)
        deployment = bring(found, address)
        process = start(program, deployment, found, folder / "controller.log")
        try:
            yield found
        finally:
            os.kill(process.pid, signal.SIGTERM)
            process.wait(SECONDS)
            backend.close()
            print((folder / "controller.log").read_text()[-6000:])  # noqa: T201 - of a failure


def own_address() -> str:
    """Return an address of this machine that is none of loopback: endpoints may not be there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("192.0.2.1", 9))  # sends nothing
        return str(asking.getsockname()[0])


def bring(found: Controlled, address: str) -> dict[str, Any]:
    """Apply the layer's manifests, but for what nobody would run; return its Deployment."""
    overlay = str(ROOT / "kustomize" / "overlays" / "embedded-edge")
    objects = list(yaml.safe_load_all(found.plane.kubectl("kustomize", overlay)))
    deployment: dict[str, Any]
    [deployment] = [each for each in objects if each["kind"] == "Deployment"]
    [proxy] = [each for each in objects if each["metadata"]["name"] == "kong-proxy"]
    for port in proxy["spec"]["ports"]:
        url = found.edge.https if port["name"] == "https" else found.edge.http
        port["targetPort"] = int(url.rpartition(":")[2])
    kept = [
        each
        for each in objects
        if each["kind"] not in {"Deployment", "Namespace"}
        and (each["kind"], each["metadata"]["name"]) != ("Service", "kong-entry")
    ]
    labels = {"minishop.dev/managed": "true"}
    shop = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels}}
    found.apply(shop, *(each for each in objects if each["kind"] == "Namespace"))
    found.apply(certificate_secret(found.plane.authority), *kept)
    # As the operator makes it for the gateway.
    own = plugin("gateway-correlation-id", "correlation-id", header_name="X-Request-Id")
    found.apply(*service("gateway", found, address), own)
    return deployment


def service(name: str, found: Controlled, address: str) -> Iterator[dict[str, Any]]:
    port = int(found.backend.target.rpartition(":")[2])
    metadata = {"name": name, "namespace": "shop"}
    ports = [{"name": "http", "port": 8000, "targetPort": port}]
    yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}
    yield {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**metadata, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
    }


def start(
    program: Path, deployment: dict[str, Any], found: Controlled, log: Path
) -> subprocess.Popen[bytes]:
    """Start the controller as the pod would: by its ServiceAccount, with its arguments."""
    [container] = [
        each
        for each in deployment["spec"]["template"]["spec"]["containers"]
        if each["name"] == "ingress-controller"
    ]
    groups = ("system:serviceaccounts", "system:serviceaccounts:kong", "system:authenticated")
    kubeconfig = found.plane.access("system:serviceaccount:kong:kong", groups=groups)
    arguments = [each for each in container["args"] if "kong-admin-url" not in each]
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        ports = (one.getsockname()[1], two.getsockname()[1])
    arguments += [
        f"--kong-admin-url={found.edge.admin}",
        f"--kubeconfig={kubeconfig}",
        f"--metrics-bind-address=127.0.0.1:{ports[0]}",
        f"--health-probe-bind-address=127.0.0.1:{ports[1]}",
        "--election-namespace=kong",
        "--force-leader-election=enabled",
    ]
    environment = {**os.environ, "POD_NAME": "kong-0", "POD_NAMESPACE": "kong"}
    with log.open("wb") as file:
        return subprocess.Popen([program, *arguments], stdout=file, stderr=file, env=environment)


def plugin(name: str, kind: str, **config: Any) -> dict[str, Any]:
    return {
        "apiVersion": "configuration.konghq.com/v1",
        "kind": "KongPlugin",
        "metadata": {"name": name, "namespace": "shop"},
        "plugin": kind,
        "config": config,
    }


def route(name: str, path: str, *plugins: str, host: str = "shop.localhost") -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "annotations": {"konghq.com/plugins": ",".join(plugins)} if plugins else {},
        },
        "spec": {
            "parentRefs": [{"name": "kong", "namespace": "kong"}],
            "hostnames": [host],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": path}}],
                    "backendRefs": [{"name": "gateway", "port": 8000}],
                }
            ],
        },
    }


def conditions(found: Controlled, kind: str, name: str, namespace: str = "shop") -> dict[str, str]:
    status = found.get(kind, name, f"-n={namespace}").get("status", {})
    said = [*status.get("conditions", ())]
    for parent in status.get("parents", ()):
        said += parent["conditions"]
    return {each["type"]: each["status"] for each in said}


def code(found: Controlled, path: str = "/") -> int:
    return httpx.get(f"{found.edge.http}{path}", headers=HOST).status_code


def test_the_layers_own_route_leads_to_the_gateway(controlled: Controlled) -> None:
    until(lambda: httpx.get(controlled.edge.http).status_code == 200)
    said = httpx.get(controlled.edge.http, headers={"X-Forwarded-For": "203.0.113.9"}).json()
    assert said["headers"]["x-forwarded-for"].startswith("203.0.113.9,")
    assert said["headers"]["host"].startswith("127.0.0.1")
    until(lambda: "x-request-id" in httpx.get(controlled.edge.http).json()["headers"])
    until(lambda: conditions(controlled, "gateway", "kong", "kong").get("Programmed") == "True")
    taken = {"Accepted": "True", "ResolvedRefs": "True", "Programmed": "True"}
    until_equal(lambda: conditions(controlled, "httproute", "entry"), taken)


def test_tls_is_the_clusters_own(controlled: Controlled) -> None:
    trusted = ssl.create_default_context(cafile=str(controlled.plane.authority.certificate))
    until(lambda: httpx.get(controlled.edge.http).status_code == 200)
    with httpx.Client(http2=True, verify=trusted) as client:
        answer = client.get(controlled.edge.https)
    assert (answer.status_code, answer.http_version) == (200, "HTTP/2")


def test_a_limit_is_kept_and_changed_while_requests_go_on(controlled: Controlled) -> None:
    controlled.apply(
        plugin("limit", "rate-limiting", minute=3, policy="local", limit_by="ip"),
        route("limited", "/limited", "limit"),
    )
    until(lambda: code(controlled, "/limited") == 429)
    controlled.apply(plugin("limit", "rate-limiting", minute=1000, policy="local", limit_by="ip"))
    until(lambda: code(controlled, "/limited") == 200)
    assert code(controlled) == 200


def test_a_plugin_that_nobody_knows_is_told_and_the_rest_goes_on(controlled: Controlled) -> None:
    controlled.apply(route("plain", "/plain"))
    until(lambda: conditions(controlled, "httproute", "plain").get("Programmed") == "True")
    controlled.apply(plugin("wrong", "key-auth"), route("wrong", "/wrong", "wrong"))

    def told() -> str:
        events = controlled.get("events", "-n=shop")["items"]
        return next(
            (
                str(each["message"])
                for each in events
                if each["involvedObject"]["name"] == "wrong"
                and each["involvedObject"]["kind"] == "KongPlugin"
                and each["type"] == "Warning"
            ),
            "",
        )

    assert "none that kong-standin does" in until(told)
    assert code(controlled, "/plain") == 200
    # What is right is taken, though something else is wrong.
    controlled.apply(plugin("tag", "response-transformer", add={"headers": ["X-Tag:late"]}))
    controlled.apply(route("late", "/late", "tag"))
    until(
        lambda: "x-tag" in httpx.get(f"{controlled.edge.http}/late", headers=HOST).headers,
    )
    controlled.plane.kubectl("delete", "httproute/wrong", "kongplugin/wrong", "-n=shop")


def test_a_route_that_is_taken_back_is_served_no_more(controlled: Controlled) -> None:
    marked = plugin("mark", "response-transformer", add={"headers": ["X-Mark:yes"]})
    controlled.apply(marked, route("gone", "/", "mark", host="gone.localhost"))

    def is_marked() -> bool:
        answer = httpx.get(controlled.edge.http, headers={"Host": "gone.localhost"})
        return "x-mark" in answer.headers

    until(is_marked)
    controlled.plane.kubectl("delete", "httproute/gone", "kongplugin/mark", "-n=shop")
    until(lambda: not is_marked())
