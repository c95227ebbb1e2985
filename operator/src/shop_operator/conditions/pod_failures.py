"""Why a pod does not start or keep running, in the container's own words.

Source: Kubernetes documentation, "Pod Lifecycle"; the reasons are the kubelet's.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shop_operator.api.pod_logs import LogSource
from shop_operator.children.pod_template import MIGRATING, SERVING
from shop_operator.metadata import Manifest

_IMAGE: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_CREATION: Final = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "PreCreateHookError",
        "PreStartHookError",
        "PostStartHookError",
    }
)
_OF_THE_SPEC: Final = frozenset({MIGRATING, SERVING})
_KILLED: Final = frozenset({137, 143})
"""Exit codes of a process ended by SIGKILL or SIGTERM: by the kubelet, when a probe fails."""
_FLAPPING: Final = 2
"""Restarts after which a container that ends is failing, also while it happens to run."""


@dataclass(frozen=True, slots=True)
class PodFailure:
    """A reason in one word, what a person needs to know, and the log that says more."""

    reason: str
    message: str
    log: LogSource | None = None


@dataclass(frozen=True, slots=True)
class _Container:
    """A container's status and where it is."""

    namespace: str
    pod: Manifest
    status: Mapping[str, Any]
    startup_seconds: float

    @property
    def name(self) -> str:
        return str(self.status["name"])

    @property
    def waiting(self) -> Mapping[str, Any]:
        return (self.status.get("state") or {}).get("waiting") or {}

    @property
    def running(self) -> bool:
        return "running" in (self.status.get("state") or {})

    @property
    def ended(self) -> Mapping[str, Any]:
        """How the present or the last run ended; empty if none has."""
        state, last = self.status.get("state") or {}, self.status.get("lastState") or {}
        return state.get("terminated") or last.get("terminated") or {}

    @property
    def restarts(self) -> int:
        return self.status.get("restartCount") or 0

    @property
    def done(self) -> bool:
        """True for an init container that has ended well."""
        state = (self.status.get("state") or {}).get("terminated")
        return bool(self.status["init"] and state and state.get("exitCode") == 0)

    def log(self, failure: str) -> LogSource:
        metadata = self.pod["metadata"]
        run = f"{metadata.get('uid')}/{self.restarts}/{failure}"
        return LogSource(
            self.namespace,
            metadata["name"],
            self.name,
            previous=self.running and bool(self.ended) and failure != "probe",
            failure=run,
        )


_Look = Callable[[_Container, bool], PodFailure | None]


def failure_of(
    namespace: str, pods: Sequence[Manifest], deployment: Manifest, *, late: bool
) -> PodFailure | None:
    """Return the failure of the first pod that has one.

    `late` is True once the progress deadline has passed: from then on also what only takes too
    long is a failure, such as a probe that does not pass.
    """
    startup = _startup_seconds(deployment)
    for pod in pods:
        found = _pod_failure(namespace, pod, startup, late=late)
        if found is not None:
            return found
    return None


def _pod_failure(
    namespace: str, pod: Manifest, startup: Mapping[str, float], *, late: bool
) -> PodFailure | None:
    name = pod["metadata"]["name"]
    for condition in pod["conditions"]:
        reason = condition.get("reason") or "Unschedulable"
        return PodFailure(reason, f"pod {name}: {condition.get('message') or 'fits on no node'}")
    if pod["ended"]:
        ended = pod["ended"]
        said = ": ".join(filter(None, (ended.get("reason"), ended.get("message"))))
        return PodFailure("PodFailed", f"pod {name} has failed: {said or 'no reason given'}")
    containers = [
        _Container(namespace, pod, status, startup.get(status["name"], 0.0))
        for status in pod["containers"]
    ]
    unready = [each for each in containers if not each.status.get("ready") and not each.done]
    looks: list[_Look] = [_cannot_start, _has_ended, *((_too_slow,) if late else ())]
    for look in looks:
        for container in unready:
            found = look(container, late)
            if found is not None:
                return found
    if late and not containers:
        return PodFailure("PodNotStarted", f"pod {name}: no kubelet has reported on it")
    return None


def _cannot_start(container: _Container, late: bool) -> PodFailure | None:  # noqa: FBT001 - as _Look
    _ = late
    reason = container.waiting.get("reason", "")
    said = ": ".join(filter(None, (reason, container.waiting.get("message"))))
    if reason in _IMAGE:
        field = "spec.image" if container.name in _OF_THE_SPEC else "its image"
        return PodFailure(
            "ImagePullFailed",
            f"image {container.status.get('image')} of container {container.name} can't be pulled; "
            f"correct {field}, or give the cluster access to it ({said})",
        )
    if reason in _CREATION:
        pod = container.pod["metadata"]["name"]
        return PodFailure("ConfigError", f"pod {pod}, container {container.name}: {said}")
    return None


def _has_ended(container: _Container, late: bool) -> PodFailure | None:  # noqa: FBT001 - as _Look
    ended = container.ended
    if not ended:
        return None
    code, cause = ended.get("exitCode", 0), ended.get("reason") or "Error"
    how = f"ended with {code} ({cause}), restarted {container.restarts} times"
    if ended.get("message"):
        how += f", {ended['message']}"
    if container.status["init"]:
        if code == 0:
            return None
        reason = "MigrationFailed" if container.name == MIGRATING else "InitContainerFailed"
        what = "the migration" if container.name == MIGRATING else f"container {container.name}"
        return PodFailure(reason, f"{what} {how}; {_command(container)}", container.log("ended"))
    if _killed_at_start(container):
        return _probe_failure(container)
    looping = container.waiting.get("reason") == "CrashLoopBackOff"
    if not (looping or late or cause == "OOMKilled" or container.restarts >= _FLAPPING):
        return None
    what = "the service" if container.name == SERVING else f"container {container.name}"
    if code == 0:
        how += "; it must run until it is told to stop"
    elif code in _KILLED and cause != "OOMKilled":
        how += "; was it the liveness probe?"
    reason = "OOMKilled" if cause == "OOMKilled" else "CrashLooping"
    return PodFailure(reason, f"{what} {how}; {_command(container)}", container.log("ended"))


def _too_slow(container: _Container, late: bool) -> PodFailure | None:  # noqa: FBT001 - as _Look
    _ = late
    pod, name = container.pod["metadata"]["name"], container.name
    if not container.running:
        reason = container.waiting.get("reason") or "ContainerCreating"
        if reason == "PodInitializing":
            return None  # an init container is what takes so long
        return PodFailure(
            "ContainerNotCreated",
            f"pod {pod}, container {name}: {reason}; is a volume's Secret or ConfigMap missing? "
            f"kubectl describe pod -n {container.namespace} {pod}",
        )
    if container.status["init"]:
        reason = "MigrationUnfinished" if name == MIGRATING else "InitContainerUnfinished"
        message = f"pod {pod}: container {name} still runs; {_command(container)}"
        return PodFailure(reason, message, container.log("probe"))
    return _probe_failure(container)


def _probe_failure(container: _Container) -> PodFailure:
    started = bool(container.status.get("started"))
    reason = "ReadinessProbeFailing" if started else "StartupProbeFailing"
    which = "readiness" if started else "startup"
    message = (
        f"pod {container.pod['metadata']['name']}, container {container.name}: the {which} probe "
        f"does not pass, restarted {container.restarts} times; {_command(container)}"
    )
    return PodFailure(reason, message, container.log("probe"))


def _killed_at_start(container: _Container) -> bool:
    """Return True if the last run lasted as long as the startup probe allows, and never started."""
    ended, allowed = container.ended, container.startup_seconds
    if container.status.get("started") or not allowed or not ended.get("startedAt"):
        return False
    lasted = moment(ended["finishedAt"]) - moment(ended["startedAt"])
    return lasted.total_seconds() >= allowed


def _startup_seconds(deployment: Manifest) -> dict[str, float]:
    """Return how long each container's startup probe waits for it, in seconds."""
    containers: Iterable[Manifest] = deployment["spec"]["template"]["spec"]["containers"]
    return {
        each["name"]: float(
            each["startupProbe"].get("periodSeconds", 10)
            * each["startupProbe"].get("failureThreshold", 3)
        )
        for each in containers
        if each.get("startupProbe")
    }


def _command(container: _Container) -> str:
    previous = " --previous" if container.running and container.ended else ""
    pod = container.pod["metadata"]["name"]
    return f"kubectl logs -n {container.namespace} {pod} -c {container.name}{previous}"


def moment(text: str) -> datetime:
    """Return a time as Kubernetes writes it (RFC 3339)."""
    return datetime.fromisoformat(text)
