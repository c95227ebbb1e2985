"""The WorkloadReady condition: `kubectl rollout status`, and if it hangs, why.

Source: kubectl, `pkg/polymorphichelpers/rollout_status.go`; Kubernetes documentation,
"Deployments", "Deployment status".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from shop_operator.api.pod_logs import LogSource
from shop_operator.api.pods import is_observed, newest
from shop_operator.apply.children import with_applied_hash
from shop_operator.conditions.pod_failures import PodFailure, failure_of, moment
from shop_operator.metadata import APPLIED_ANNOTATION, Manifest
from shop_operator.spec import ShopService

_LATE: Final = "ProgressDeadlineExceeded"
_COMPLETE: Final = "NewReplicaSetAvailable"
_ENDING_SLACK: Final = timedelta(seconds=30)
"""How long after its grace period a pod that is told to stop may still be there."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """Status, reason and message of WorkloadReady.

    `log` says more about a failure; `recheck` is the seconds after which time alone may change it.
    """

    status: str
    reason: str
    message: str
    log: LogSource | None = None
    recheck: float | None = None

    def with_log(self, line: str) -> "Rollout":
        """Return the rollout with the last line of its log in the message."""
        return replace(self, message=f"{self.message}; it last said: {line}") if line else self


def rollout(service: ShopService, live: Iterable[Manifest], pods: Sequence[Manifest]) -> Rollout:
    """Return how far the Deployment and its pods are."""
    deployment = next((child for child in live if child["kind"] == "Deployment"), None)
    if deployment is None:
        return Rollout("False", "DeploymentMissing", "the Deployment is not written yet")
    if "deletionTimestamp" in deployment["metadata"]:
        return Rollout("False", "Progressing", "the Deployment is being deleted, then made anew")
    if deployment.get("status") and not is_observed(deployment):
        said = "the Deployment controller has not seen the newest pod template yet"
        return Rollout("False", "Progressing", said)
    ending = [pod for pod in pods if "deletionTimestamp" in pod["metadata"]]
    recheck, stuck = _stuck(ending)
    if stuck is not None:
        return Rollout("False", "StuckTerminating", _stuck_message(service, stuck))
    if deployment["spec"].get("replicas", 1) == 0:
        return _stopped(service, deployment, ending, recheck)
    return replace(_progress(service, deployment, pods), recheck=recheck or _late_in(deployment))


def _progress(service: ShopService, deployment: Manifest, pods: Sequence[Manifest]) -> Rollout:
    status, wanted = deployment.get("status") or {}, deployment["spec"].get("replicas", 1)
    pods_there = f"{status.get('availableReplicas', 0)} of {wanted} pods are available"
    waits = _missing(deployment)
    if waits is None:
        return Rollout("True", "Available", pods_there)
    failure = _failure(service, deployment, pods)
    if failure is not None:
        return Rollout("False", failure.reason, failure.message, failure.log)
    if _only_scales(service, status):
        return Rollout("True", "Available", f"{pods_there}; the autoscaler asks for another number")
    if deployment["spec"].get("paused"):
        name = f"kubectl rollout resume -n {service.namespace} deployment/{service.name}"
        return Rollout("False", "RolloutPaused", f"{waits}; the rollout is paused: {name}")
    if _is_late(deployment):
        return Rollout("False", _LATE, f"{waits}, and nothing has moved since")
    return Rollout("False", "Progressing", waits)


def begins_rollout(
    service: ShopService, desired: Sequence[Manifest], live: Sequence[Manifest]
) -> bool:
    """Return True if a ShopService that says Ready gets another Deployment than it has now."""
    if not says_ready(service):
        return False
    found = [
        next((child for child in children if child["kind"] == "Deployment"), None)
        for children in (desired, live)
    ]
    wanted, there = found
    if wanted is None or there is None:
        return wanted is not None
    before = (there["metadata"].get("annotations") or {}).get(APPLIED_ANNOTATION)
    return bool(with_applied_hash(wanted)["metadata"]["annotations"][APPLIED_ANNOTATION] != before)


def says_ready(service: ShopService) -> bool:
    """Return True if the status of a ShopService says that it is ready."""
    conditions = service.status.get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def is_rolled_out(deployment: Manifest) -> bool:
    """Return True if every pod wanted is of the newest template and available, and no other is."""
    return is_observed(deployment) and _missing(deployment) is None


def all_listen_at(deployment: Manifest, port: int) -> bool:
    """Return True if every pod of a Deployment has this port."""
    containers = deployment["spec"]["template"]["spec"]["containers"]
    ports = [each["containerPort"] for c in containers for each in c.get("ports") or ()]
    return port in ports and is_rolled_out(deployment)


def counts(live: Iterable[Manifest]) -> tuple[int, int]:
    """Return how many pods there are, and how many are ready."""
    for child in live:
        if child["kind"] == "Deployment":
            status = child.get("status") or {}
            return status.get("replicas", 0), status.get("readyReplicas", 0)
    return 0, 0


def _only_scales(service: ShopService, status: Manifest) -> bool:
    """Return True if an autoscaler asks for more pods, all being of the newest template.

    That is no rollout: the service is ready while it has the fewest that it may have.
    """
    scaling = service.spec.autoscaling
    if scaling is None or status.get("replicas", 0) != status.get("updatedReplicas", 0):
        return False
    return bool(status.get("availableReplicas", 0) >= max(1, scaling.min))


def _missing(deployment: Manifest) -> str | None:
    status, wanted = deployment.get("status") or {}, deployment["spec"].get("replicas", 1)
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    available = status.get("availableReplicas", 0)
    if updated < wanted:
        return f"{updated} of {wanted} pods are of the newest template"
    if total > updated:
        return f"{total - updated} old pods are still there"
    if updated > wanted:
        return f"{updated - wanted} pods more than wanted are still there"
    if available < updated:
        return f"{available} of {updated} pods are available"
    return None


def _stopped(
    service: ShopService, deployment: Manifest, ending: Sequence[Manifest], recheck: float | None
) -> Rollout:
    left = max((deployment.get("status") or {}).get("replicas", 0), len(ending))
    if not is_observed(deployment):
        return Rollout("False", "Progressing", "the Deployment controller has not looked yet")
    if left:
        return Rollout("False", "Progressing", f"{left} pods are being stopped", recheck=recheck)
    scaling = service.spec.autoscaling
    if scaling is not None and scaling.min > 0:
        said = f"somebody asks for no pods, and autoscaling.min is {scaling.min}"
        return Rollout("False", "ScaledToZero", said)
    return Rollout("True", "ScaledToZero", "no pods are asked for, and none is left")


def _failure(
    service: ShopService, deployment: Manifest, pods: Sequence[Manifest]
) -> PodFailure | None:
    status = deployment.get("status") or {}
    refused = _condition(status, "ReplicaFailure")
    if refused.get("status") == "True":
        said = refused.get("message") or refused.get("reason") or "no reason given"
        return PodFailure("PodsRefused", f"pods can't be created: {said}")
    if status and not status.get("updatedReplicas"):
        return None  # whatever fails is of an older template
    there = newest(pods)
    # One that ended, by an eviction or its node's shutdown, stays: another is in its place by now.
    there = [pod for pod in there if pod["ended"] is None or pod is there[0]]
    return failure_of(service.namespace, there, deployment, late=_is_late(deployment))


def _stuck(ending: Sequence[Manifest]) -> tuple[float | None, Manifest | None]:
    """Return the seconds until the first pod is overdue, and a pod that is overdue already."""
    now, earliest = datetime.now(UTC), None
    for pod in ending:
        # A deletion timestamp is in the future by the grace period.
        left = moment(pod["metadata"]["deletionTimestamp"]) + _ENDING_SLACK - now
        if left <= timedelta(0):
            return None, pod
        earliest = min(earliest or left, left)
    return (None if earliest is None else earliest.total_seconds() + 1), None


def _stuck_message(service: ShopService, pod: Manifest) -> str:
    name, since = pod["metadata"]["name"], pod["metadata"]["deletionTimestamp"]
    return (
        f"pod {name} should have ended at {since}: its node may be gone, or a finalizer keeps it; "
        f"kubectl describe pod -n {service.namespace} {name}"
    )


def _is_late(deployment: Manifest) -> bool:
    """Return True once the progress deadline has passed, of a rollout or since pods were lost."""
    progressing = _condition(deployment.get("status") or {}, "Progressing")
    left = _late_in(deployment)
    return progressing.get("reason") == _LATE or (left is not None and left <= 0)


def _late_in(deployment: Manifest) -> float | None:
    """Return the seconds until pods lost after a rollout are late; None if nothing is lost.

    The Deployment controller keeps the deadline of a rollout, and none once it is complete.
    """
    status = deployment.get("status") or {}
    progressing, available = _condition(status, "Progressing"), _condition(status, "Available")
    if progressing.get("reason") != _COMPLETE or available.get("status") != "False":
        return None
    if not available.get("lastTransitionTime"):
        return None
    allowed = timedelta(seconds=deployment["spec"].get("progressDeadlineSeconds", 600))
    due = moment(available["lastTransitionTime"]) + allowed
    return (due - datetime.now(UTC)).total_seconds()


def _condition(status: Manifest, kind: str) -> dict[str, Any]:
    conditions = status.get("conditions") or ()
    return next((condition for condition in conditions if condition["type"] == kind), {})
