"""The WorkloadReady condition: whether the pods run, and if not, why and what to do."""

from collections.abc import Iterable, Sequence
from typing import Any

from shop_operator.metadata import Manifest
from shop_operator.spec import ShopService

_IMAGE_REASONS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}
)


def workload(
    service: ShopService, live: Iterable[Manifest], pods: Sequence[Manifest]
) -> tuple[str, str, str]:
    """Return status, reason and message of WorkloadReady."""
    deployment = next((child for child in live if child["kind"] == "Deployment"), None)
    if deployment is None:
        return "False", "DeploymentMissing", "the Deployment is not written yet"
    status = deployment.get("status") or {}
    wanted = deployment["spec"].get("replicas", 1)
    if wanted == 0:
        return "True", "ScaledToZero", "no pods are asked for"
    ready, updated = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    current = status.get("observedGeneration") == deployment["metadata"].get("generation")
    if current and ready >= wanted and updated >= wanted:
        return "True", "Available", f"{ready} of {wanted} pods are ready"
    trouble = next(filter(None, (_trouble(service, pod) for pod in pods)), None)
    if trouble is not None:
        return "False", *trouble
    quota = _condition(status, "ReplicaFailure")
    if quota is not None:
        return "False", "PodsRefused", str(quota.get("message", "pods can't be created"))
    return "False", "Progressing", f"{ready} of {wanted} pods are ready"


def counts(live: Iterable[Manifest]) -> tuple[int, int]:
    """Return how many pods there are, and how many are ready."""
    for child in live:
        if child["kind"] == "Deployment":
            status = child.get("status") or {}
            return status.get("replicas", 0), status.get("readyReplicas", 0)
    return 0, 0


def _trouble(service: ShopService, pod: Manifest) -> tuple[str, str] | None:
    name = pod["metadata"]["name"]
    for condition in pod["conditions"]:
        return "Unschedulable", f"pod {name}: {condition.get('message', 'fits on no node')}"
    for container in pod["containers"]:
        found = _container_trouble(service, name, container)
        if found is not None:
            return found
    return None


def _container_trouble(
    service: ShopService, pod: str, container: dict[str, Any]
) -> tuple[str, str] | None:
    state = container.get("state") or {}
    waiting = state.get("waiting") or {}
    reason, said = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _IMAGE_REASONS:
        message = (
            f"image {service.spec.image} can't be pulled; correct spec.image, or give the cluster "
            f"access to it ({said or reason})"
        )
        return "ImagePullFailed", message
    if reason == "CreateContainerConfigError":
        return "ConfigError", f"pod {pod} can't start: {said}"
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
    if ended.get("exitCode", 0) == 0 or container.get("ready"):
        return None
    logs = f"kubectl logs -n {service.namespace} {pod} -c {container['name']}"
    cause = ended.get("reason", "Error")
    if container["name"] == "migrate":
        return "MigrationFailed", f"the migration ended with {ended['exitCode']} ({cause}); {logs}"
    if reason == "CrashLoopBackOff" or cause == "OOMKilled":
        return "CrashLooping", f"the service ended with {ended['exitCode']} ({cause}); {logs}"
    return None


def _condition(status: Manifest, kind: str) -> dict[str, Any] | None:
    for condition in status.get("conditions") or ():
        if condition["type"] == kind and condition["status"] == "True":
            return dict(condition)
    return None
