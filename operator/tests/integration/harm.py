"""What another hand may do to each kind of child, and the question whether it was put right."""

from collections.abc import Awaitable, Callable
from typing import Any

from shop_cluster.control_plane import ControlPlane
from shop_operator.api.kinds import Kind, kind_of
from shop_operator.metadata import Manifest

from .shop import Shop, eventually

SERVICE = Kind("v1", "Service", "services")
SPEC: dict[str, Any] = {
    "cache": {"kind": "redis"},
    "autoscaling": {"min": 1, "max": 3},
    "events": {
        "publishes": [{"topic": "all.events"}],
        "subscribes": [{"topic": "other.events", "group": "all"}],
    },
    "route": {
        "paths": ["/all"],
        "plugins": [{"name": "rate-limiting", "config": {"minute": 5, "policy": "local"}}],
    },
    "slo": {"availability": "99.9", "latencyP99Ms": 300},
}
HARM: dict[str, Manifest] = {
    "ServiceAccount": {"automountServiceAccountToken": True},
    "Secret": {"data": {"redis_url": "aGVsbG8="}},
    "NetworkPolicy": {"spec": {"policyTypes": ["Ingress"]}},
    "KafkaTopic": {"spec": {"partitions": 7}},
    "Service": {"spec": {"ports": [{"name": "http", "port": 81, "targetPort": "http"}]}},
    "Deployment": {"spec": {"template": {"spec": {"securityContext": {"runAsUser": 0}}}}},
    "HorizontalPodAutoscaler": {"spec": {"maxReplicas": 99}},
    "ScaledObject": {"spec": {"maxReplicaCount": 99}},
    "PodDisruptionBudget": {"spec": {"maxUnavailable": 50}},
    "KongPlugin": {"config": {"minute": 10000}},
    "HTTPRoute": {"spec": {"hostnames": ["elsewhere.localhost"]}},
    "ServiceMonitor": {"metadata": {"labels": None}},
    "PrometheusRule": {"spec": {"groups": []}},
    "KafkaConnector": {"spec": {"tasksMax": 7}},
    "Role": {"rules": []},
    "RoleBinding": {"subjects": []},
    "Ingress": {"spec": {"ingressClassName": "elsewhere"}},
    "ConfigMap": {"data": {"routes.json": "[]"}},
}


async def children(shop: Shop, name: str) -> list[Manifest]:
    """Return the live children that the status lists."""
    body = await shop.settled(name)
    found = []
    for child in body["status"]["children"]:
        kind = kind_of(child)
        namespace = child.get("namespace", shop.namespace)
        live = await shop.client.get(kind, namespace, child["name"])
        found.append({"apiVersion": kind.api_version, "kind": kind.kind, **live})
    return found


async def change_and_delete(shop: Shop, child: Manifest) -> None:
    """Do both to a child, one after the other, and wait until each is put right."""
    kind, metadata = kind_of(child), child["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    restored, why = is_as_before(shop, child), f"{kind} {name}".__str__
    harmed = await shop.client.merge(kind, namespace, name, HARM[kind.kind])
    assert essence(harmed) != essence(child)
    await eventually(restored, seconds=60, why=why)
    await shop.client.delete(kind, namespace, name, uid=metadata["uid"])
    await eventually(restored, seconds=60, why=why)


def essence(manifest: Manifest) -> Manifest:
    """Return what a user sees of a manifest, without the server's bookkeeping."""
    metadata = {name: manifest["metadata"].get(name) for name in ("labels", "annotations")}
    rest = {
        n: v for n, v in manifest.items() if n not in {"metadata", "status", "apiVersion", "kind"}
    }
    return {"metadata": metadata, **rest}


def is_as_before(shop: Shop, child: Manifest) -> Callable[[], Awaitable[bool]]:
    """Return the question whether a child is what it was."""
    metadata = child["metadata"]

    async def reached() -> bool:
        live = await shop.get(kind_of(child), metadata["name"], metadata["namespace"])
        wanted, found = essence(child), essence(live or {"metadata": {}})
        for service in (wanted, found):  # a Service made anew gets new addresses
            for name in ("clusterIP", "clusterIPs"):
                service.get("spec", {}).pop(name, None)
        return wanted == found

    return reached


def changed_by_a_person(
    plane: ControlPlane, namespace: str, what: str, patch: str, way: str = "merge"
) -> None:
    """Change an object by `kubectl patch`."""
    plane.kubectl("patch", what, "-n", namespace, f"--type={way}", "-p", patch)


async def declared_children(shop: Shop, name: str, **spec: Any) -> dict[tuple[str, str], Manifest]:
    """Start an operator and declare a ShopService; return its children by kind and name."""
    await shop.start()
    await shop.declare(name, **spec)
    return {(c["kind"], c["metadata"]["name"]): c for c in await children(shop, name)}


async def restored(shop: Shop, child: Manifest) -> None:
    """Wait until a child is what it was."""
    metadata = child["metadata"]

    async def spec() -> tuple[Any, ...]:
        live = await shop.client.get(kind_of(child), metadata["namespace"], metadata["name"])
        return tuple(live.get(part) for part in ("spec", "config", "rules", "subjects"))

    wanted = tuple(child.get(part) for part in ("spec", "config", "rules", "subjects"))

    async def reached() -> bool:
        return await spec() == wanted

    await eventually(reached, why=lambda: f"{child['kind']} is not as it was")


def container(live: Manifest) -> dict[str, Any]:
    """Return the container of the service itself."""
    containers = live["spec"]["template"]["spec"]["containers"]
    return next(dict(c) for c in containers if c["name"] == "service")
