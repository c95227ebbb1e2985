"""What a restore stops before it touches a store, and starts afterwards, on a real API server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shop_cluster.backups import on_cluster
from shop_cluster.build import shopkube
from shop_cluster.control_plane import ControlPlane, control_plane
from shop_cluster.errors import ClusterError
from shop_cluster.paths import checkout

Kubectl = tuple[str, ...]
OPERATOR, CONNECT = "minishop-system/shop-operator", "platform/minishop-connect"
FLUX = "flux-system/kustomize-controller"
USES: dict[str, dict[str, Any]] = {
    "order": {"database": {"kind": "postgres", "name": "order"}},
    "gateway": {"cache": {"kind": "redis"}},
    "listener": {"events": {"subscribes": [{"topic": "order.events", "group": "listener"}]}},
}
OURS = [f"shop/{name}" for name in ("gateway", "listener", "order")]


def deployment(place: str, replicas: int, labels: dict[str, str]) -> dict[str, Any]:
    namespace, _, name = place.partition("/")
    labels = {"app.kubernetes.io/name": name, **labels}
    container = {"name": "only", "image": "example.com/none:1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def service(name: str, spec: dict[str, Any]) -> list[dict[str, Any]]:
    labels = {"app.kubernetes.io/managed-by": "shop-operator", "minishop.dev/service": name}
    return [
        {
            "apiVersion": "minishop.dev/v1alpha1",
            "kind": "ShopService",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"image": "example.com/none:1", **spec},
        },
        deployment(f"shop/{name}", 3 if name == "order" else 1, labels),
    ]


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    crd = checkout() / "crds" / "shopservice.yaml"
    with control_plane(tmp_path_factory.mktemp("control-plane"), crds=[crd]) as running:
        for namespace in ("minishop-system", "platform", "shop"):
            running.kubectl("create", "namespace", namespace)
        objects = [deployment(OPERATOR, 2, {}), deployment(CONNECT, 1, {})]
        for name, spec in {**USES, "simulator": {}}.items():
            objects += service(name, spec)
        # Somebody's own, beside the shop's.
        objects.append(deployment("shop/mailbox", 1, {}))
        running.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))
        yield running


@pytest.fixture
def kubectl(plane: ControlPlane) -> Kubectl:
    return (str(shopkube()), "kubectl", f"--kubeconfig={plane.kubeconfig}")


def replicas(plane: ControlPlane) -> dict[str, int]:
    found = json.loads(plane.kubectl("get", "deployments", "-A", "-o", "json"))["items"]
    return {
        f"{each['metadata']['namespace']}/{each['metadata']['name']}": each["spec"]["replicas"]
        for each in found
    }


def be_ready(plane: ControlPlane, *places: str) -> None:
    """Say of Deployments what their controller, which does not run here, would say."""
    for place in places:
        namespace, _, name = place.partition("/")
        ready = '{"status": {"replicas": 1, "readyReplicas": 1}}'
        where = ("deployment", name, f"--namespace={namespace}", "--subresource=status")
        plane.kubectl("patch", *where, "--type=merge", f"--patch={ready}")


def test_users_of_the_stores_are_stopped_and_come_back_as_many(
    plane: ControlPlane, kubectl: Kubectl
) -> None:
    before = replicas(plane)
    users = list(on_cluster._users(kubectl))
    names = [f"{each['metadata']['namespace']}/{each['metadata']['name']}" for each in users]
    assert names[:2] == [OPERATOR, CONNECT]
    assert sorted(names[2:]) == OURS

    on_cluster._stop(kubectl, users, [])
    stopped = replicas(plane)
    assert {name for name, count in stopped.items() if not count} == {*names}
    # Interrupted, and begun again: what it sees now is none of each.
    on_cluster._stop(kubectl, list(on_cluster._users(kubectl)), [])

    be_ready(plane, *names)
    on_cluster._start(kubectl, users)
    assert replicas(plane) == before
    left = plane.kubectl("get", "deployments", "-A", "-o", "json")
    assert on_cluster._BEFORE not in left


def test_flux_applies_nothing_meanwhile(
    plane: ControlPlane, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not list(on_cluster._flux(kubectl))
    plane.kubectl("create", "namespace", "flux-system")
    plane.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(deployment(FLUX, 1, {})))
    users, flux = list(on_cluster._users(kubectl)), list(on_cluster._flux(kubectl))
    pod = flux[0]["spec"]["template"] | {"apiVersion": "v1", "kind": "Pod"}
    pod["metadata"] |= {"name": "running", "namespace": "flux-system"}
    plane.kubectl("create", "serviceaccount", "default", "--namespace=flux-system")
    plane.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(pod))
    before = replicas(plane)
    monkeypatch.setattr(on_cluster, "_SECONDS", 1)
    with pytest.raises(ClusterError, match="timed out"):
        on_cluster._stop(kubectl, users, flux)
    # While it runs it would start the operator again: nobody else is stopped.
    assert replicas(plane) == {**before, FLUX: 0}
    plane.kubectl("delete", "pod", "running", "--namespace=flux-system", "--grace-period=0")
    monkeypatch.undo()
    on_cluster._stop(kubectl, users, flux)
    assert not any(replicas(plane)[place] for place in (FLUX, OPERATOR, CONNECT, *OURS))
    be_ready(plane, FLUX, OPERATOR, CONNECT, *OURS)
    on_cluster._start(kubectl, [*users, *on_cluster._flux(kubectl)])
    assert replicas(plane)[FLUX] == 1
    plane.kubectl("delete", "deployment", "kustomize-controller", "--namespace=flux-system")


def test_what_does_not_come_back_is_named(
    plane: ControlPlane, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = list(on_cluster._users(kubectl))
    on_cluster._stop(kubectl, users, [])
    be_ready(plane, OPERATOR, CONNECT, *OURS)
    gone = '{"status": {"readyReplicas": 0}}'
    where = ("deployment", "order", "--namespace=shop", "--subresource=status")
    plane.kubectl("patch", *where, "--type=merge", f"--patch={gone}")
    monkeypatch.setattr(on_cluster, "_SECONDS", 2)
    with pytest.raises(ClusterError, match=r"the data are back, and not ready again yet: order$"):
        on_cluster._start(kubectl, users)


async def test_a_damaged_backup_stops_nobody(
    plane: ControlPlane, kubectl: Kubectl, tmp_path: Path
) -> None:
    before = replicas(plane)
    with pytest.raises(ClusterError, match="is no backup"):
        await on_cluster.restore(kubectl, tmp_path, discard=True, report=print)
    assert replicas(plane) == before
