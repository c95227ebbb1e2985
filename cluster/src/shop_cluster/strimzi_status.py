"""What Strimzi's resources say about themselves, and the one way it is written down."""

from datetime import UTC, datetime

from shop_cluster.kubernetes_api import KubernetesApi, Resource

API = "/apis/kafka.strimzi.io/v1"
CLUSTER_LABEL = "strimzi.io/cluster"


class RefusedError(Exception):
    """A resource asks for what can't be done; ``reason`` is the word for it in the condition."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def path_of(resource: Resource, plural: str) -> str:
    """Return the path of a resource on the API server."""
    metadata = resource["metadata"]
    return f"{API}/namespaces/{metadata['namespace']}/{plural}/{metadata['name']}"


def paused(resource: Resource) -> bool:
    """Whether a person asked to leave it alone for now."""
    return annotation(resource, "pause-reconciliation") == "true"


def annotation(resource: Resource, name: str) -> str | None:
    """Return one of Strimzi's annotations."""
    value: str | None = resource["metadata"].get("annotations", {}).get(f"strimzi.io/{name}")
    return value


def timestamp(moment: datetime) -> str:
    """Return a moment as Strimzi writes it: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def write_status(
    api: KubernetesApi, resource: Resource, plural: str, status: Resource, *conditions: Resource
) -> None:
    """Write a resource's status with its conditions, unless it says so already.

    A key of ``status`` that is None is removed. A condition's time moves only when the condition
    turns.
    """
    before: Resource = resource.get("status", {})
    known = {(old["type"], old["status"]): old for old in before.get("conditions", [])}
    said = []
    for condition in conditions:
        old = known.get((condition["type"], condition["status"]))
        since = old["lastTransitionTime"] if old else timestamp(datetime.now(UTC))
        said.append(condition | {"lastTransitionTime": since})
    wanted = status | {
        "observedGeneration": resource["metadata"]["generation"],
        "conditions": said,
    }
    if any(before.get(key) != value for key, value in wanted.items()):
        await api.merge(f"{path_of(resource, plural)}/status", {"status": wanted})
