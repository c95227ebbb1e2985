"""What is kept of a pod: what explains why it does not start, run or end, and where it answers."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from shop_operator.metadata import Manifest

TEMPLATE_HASH: Final = "pod-template-hash"
"""Label by which the Deployment controller tells the pods of one template from another's."""
_STATE: Final = ("name", "image", "state", "lastState", "ready", "started", "restartCount")
_ENDED: Final = frozenset({"Failed", "Succeeded"})


def essentials(body: Mapping[str, Any]) -> Manifest:
    """Return a pod's names, times, container states, and what keeps it from being scheduled.

    `ip` is its address while it is ready, else None.
    """
    status, metadata = body.get("status") or {}, body["metadata"]
    kept = ("name", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp")
    template = (metadata.get("labels") or {}).get(TEMPLATE_HASH)
    conditions = status.get("conditions") or ()
    unscheduled = [
        condition
        for condition in conditions
        if condition["type"] == "PodScheduled" and condition["status"] == "False"
    ]
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    ended = status.get("phase") in _ENDED
    return {
        "metadata": {name: metadata[name] for name in kept if name in metadata},
        "template": template,
        "containers": [
            *(_container(each, init=True) for each in status.get("initContainerStatuses") or ()),
            *(_container(each, init=False) for each in status.get("containerStatuses") or ()),
        ],
        "conditions": unscheduled,
        "ip": status.get("podIP") if ready and "deletionTimestamp" not in metadata else None,
        "ended": {part: status.get(part) for part in ("reason", "message")} if ended else None,
    }


def is_observed(deployment: Mapping[str, Any]) -> bool:
    """Return True if a Deployment's controller has seen its newest template."""
    seen = (deployment.get("status") or {}).get("observedGeneration", 0)
    return bool(seen >= deployment["metadata"].get("generation", 0))


def newest(pods: Sequence[Manifest]) -> list[Manifest]:
    """Return the pods of the newest template that are not being stopped.

    The newest is that of the pod created last.
    """
    found = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    found.sort(key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)
    return [pod for pod in found if pod["template"] == found[0]["template"]]


def has_only_new_pods(deployment: Mapping[str, Any], pods: Sequence[Manifest]) -> bool:
    """Return True if no pod of an older template is there, whether it runs or is being stopped."""
    status = deployment.get("status") or {}
    if not is_observed(deployment) or status.get("replicas", 0) != status.get("updatedReplicas", 0):
        return False
    there = [pod for pod in pods if pod["ended"] is None]
    new = {pod["template"] for pod in newest(there)} if status.get("replicas") else set()
    return all(pod["template"] in new for pod in there)


def same_essentials(before: Manifest, after: Manifest) -> bool:
    """Return True if nothing changed that a condition is made from."""
    if before["metadata"].get("deletionTimestamp") != after["metadata"].get("deletionTimestamp"):
        return False
    return all(before[part] == after[part] for part in ("containers", "conditions", "ip", "ended"))


def _container(status: Mapping[str, Any], *, init: bool) -> Manifest:
    return {part: status.get(part) for part in _STATE} | {"init": init}
