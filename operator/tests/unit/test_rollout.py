"""WorkloadReady tells what `kubectl rollout status` tells, and why a rollout hangs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shop_operator.api.pods import essentials
from shop_operator.children.access_secret import Access
from shop_operator.children.deployment import deployment
from shop_operator.conditions.workload import Rollout, is_rolled_out, rollout
from shop_operator.metadata import Manifest
from shop_operator.settings import Settings
from shop_operator.spec import ShopService, parse

from .specs import service

DONE = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
LATE = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
CRASHED = {"exitCode": 3, "reason": "Error"}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff"}}
RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
COMPLETED = {"terminated": {"exitCode": 0, "reason": "Completed"}}


def at(seconds: float) -> str:
    """Return the time `seconds` from now, as Kubernetes writes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def declared(**spec: Any) -> ShopService:
    return parse(service("a", {"image": "a:1", "replicas": 2, **spec}))


def live(of: ShopService, *, wanted: int = 2, generation: int = 4, **status: Any) -> Manifest:
    """Return the Deployment as the API server has it."""
    found = deployment(of, Settings(), Access())
    found["metadata"] |= {"generation": generation}
    found["spec"]["replicas"] = wanted
    return found | {"status": {"observedGeneration": 4, **DONE, **status}}


def pod(  # noqa: PLR0913 - keyword-only, each a fact of a pod
    *containers: Manifest,
    name: str = "a-1",
    template: str = "new",
    created: str = "2026-01-01T00:00:02Z",
    init: tuple[Manifest, ...] = (),
    status: Manifest | None = None,
    deleted: str = "",
) -> Manifest:
    """Return a pod as the informer keeps it."""
    labels = {"pod-template-hash": template}
    metadata = {"name": name, "uid": name, "creationTimestamp": created, "labels": labels}
    if deleted:
        metadata["deletionTimestamp"] = deleted
    states = {"containerStatuses": list(containers), "initContainerStatuses": list(init)}
    return essentials({"metadata": metadata, "status": {**states, **(status or {})}})


def container(state: Manifest, last: Manifest | None = None, **more: Any) -> Manifest:
    found = {"name": "service", "image": "a:1", "state": state, "lastState": last or {}}
    return {**found, "ready": False, "started": False, "restartCount": 0, **more}


INCOMPLETE: list[tuple[dict[str, Any], str]] = [
    ({"generation": 5}, "not seen the newest"),
    # The default of one pod: the new one is made, the old one still serves.
    ({"updatedReplicas": 1, "replicas": 3}, "1 of 2 pods are of the newest template"),
    ({"replicas": 3}, "1 old pods are still there"),
    ({"availableReplicas": 1, "readyReplicas": 1}, "1 of 2 pods are available"),
    # Ready and not available yet: minReadySeconds.
    ({"availableReplicas": 0, "readyReplicas": 2}, "0 of 2 pods are available"),
    ({"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}, "more than wanted"),
    ({"observedGeneration": 3}, "not seen the newest"),
]


@pytest.mark.parametrize(("status", "words"), INCOMPLETE)
def test_a_rollout_that_is_not_done_is_progress(status: dict[str, Any], words: str) -> None:
    of = declared()
    found = live(of, **status)
    told = rollout(of, [found], [])
    assert (told.status, told.reason) == ("False", "Progressing")
    assert words in told.message
    assert not is_rolled_out(found)


def test_one_new_pod_beside_one_old_is_not_ready() -> None:
    of = declared(replicas=1)
    seen = {"replicas": 2, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
    assert rollout(of, [live(of, wanted=1, **seen)], []).status == "False"


def test_a_rollout_that_is_done_is_available() -> None:
    of = declared()
    assert rollout(of, [live(of)], []) == Rollout("True", "Available", "2 of 2 pods are available")
    assert is_rolled_out(live(of))


def test_a_deployment_without_a_status_is_progress() -> None:
    of = declared()
    assert rollout(of, [live(of) | {"status": {}}], []).reason == "Progressing"
    assert rollout(of, [live(of, wanted=0) | {"status": {}}], []).status == "False"


def test_no_deployment_and_one_that_is_being_deleted_are_not_ready() -> None:
    of = declared()
    assert rollout(of, [], []).reason == "DeploymentMissing"
    leaving = live(of)
    leaving["metadata"]["deletionTimestamp"] = at(0)
    assert rollout(of, [leaving], []).status == "False"


def _failures() -> Iterator[tuple[str, Manifest, bool, str, str, str]]:
    """Yield a name, a pod, whether the deadline has passed, reason, words, container with a log."""
    for reason in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"):
        state = {"waiting": {"reason": reason, "message": "no such host"}}
        yield reason, pod(container(state)), False, "ImagePullFailed", reason, ""
    for reason in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
        state = {"waiting": {"reason": reason, "message": 'secret "x" not found'}}
        yield reason, pod(container(state)), False, "ConfigError", "not found", ""
    ended = {"terminated": CRASHED}
    yield "crash loop", pod(container(BACK_OFF, ended)), False, "CrashLooping", "with 3", "service"
    flaps = container(RUNNING, ended, restartCount=2)
    yield "crash, now running", pod(flaps), False, "CrashLooping", "restarted 2", "service"
    once = pod(container(RUNNING, ended, restartCount=1))
    yield "one crash, then late", once, True, "CrashLooping", "with 3", "service"
    yield "exit 0", pod(container(BACK_OFF, COMPLETED)), False, "CrashLooping", "told to", "service"
    killed = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    yield "out of memory", pod(container(RUNNING, killed)), False, "OOMKilled", "137", "service"
    sidecar = container(BACK_OFF, ended, name="proxy")
    good = container(RUNNING, ready=True, started=True)
    yield "a sidecar", pod(good, sidecar), False, "CrashLooping", "container proxy", "proxy"
    first = container({"waiting": {"reason": "PodInitializing"}})
    migrate = container({"terminated": CRASHED}, name="migrate")
    yield "migration", pod(first, init=(migrate,)), False, "MigrationFailed", "with 3", "migrate"
    again = container(BACK_OFF, ended, name="migrate", restartCount=4)
    yield "migration again", pod(first, init=(again,)), False, "MigrationFailed", "4 t", "migrate"
    retried = container(RUNNING, ended, name="migrate", restartCount=1)
    yield (
        "migration runs again",
        pod(first, init=(retried,)),
        False,
        "MigrationFailed",
        "1 t",
        ("migrate"),
    )
    other = container(BACK_OFF, ended, name="wait-for")
    yield (
        "other init",
        pod(first, init=(other,)),
        False,
        "InitContainerFailed",
        "wait-for",
        ("wait-for"),
    )
    slow = container(RUNNING, name="migrate")
    yield (
        "slow migration",
        pod(first, init=(slow,)),
        True,
        "MigrationUnfinished",
        "still runs",
        ("migrate"),
    )
    migrated = container(COMPLETED, name="migrate", ready=True)
    starting = pod(container(RUNNING), init=(migrated,))
    yield "no start", starting, True, "StartupProbeFailing", "startup probe", "service"
    unready = pod(container(RUNNING, started=True))
    yield "not ready", unready, True, "ReadinessProbeFailing", "readiness probe", "service"
    span = {"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:02:01Z"}
    for code in (0, 137, 143):  # a process may end well when it is told to stop
        last = {"terminated": {"exitCode": code, "reason": "Error", **span}}
        restarted = pod(container(RUNNING, last, restartCount=1))
        yield f"killed at start, {code}", restarted, False, "StartupProbeFailing", "1 t", "service"
    creating = container({"waiting": {"reason": "ContainerCreating"}})
    yield "no volume", pod(creating), True, "ContainerNotCreated", "ContainerCreating", ""
    unseen = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    nowhere = pod(status={"conditions": [unseen | {"message": "0/3 nodes: Insufficient cpu"}]})
    yield "no node", nowhere, False, "Unschedulable", "Insufficient cpu", ""
    gated = pod(status={"conditions": [unseen | {"reason": "SchedulingGated"}]})
    yield "gated", gated, False, "SchedulingGated", "pod a-1", ""
    evicted = pod(status={"phase": "Failed", "reason": "Evicted", "message": "low on memory"})
    yield "evicted", evicted, False, "PodFailed", "low on memory", ""
    yield "no kubelet", pod(), True, "PodNotStarted", "no kubelet", ""


FAILURES = list(_failures())


@pytest.mark.parametrize("case", FAILURES, ids=[case[0] for case in FAILURES])
def test_a_rollout_that_hangs_says_why(case: tuple[str, Manifest, bool, str, str, str]) -> None:
    _, failing, late, reason, words, logs = case
    of = declared()
    conditions = LATE if late else []
    found = live(of, updatedReplicas=1, replicas=3, conditions=conditions)
    told = rollout(of, [found], [failing])
    assert (told.status, told.reason) == ("False", reason)
    assert words in told.message
    assert (told.log.container if told.log else "") == logs


@pytest.mark.parametrize(
    "case", [c for c in FAILURES if c[2]], ids=[c[0] for c in FAILURES if c[2]]
)
def test_what_only_takes_time_is_progress_until_the_deadline(
    case: tuple[str, Manifest, bool, str, str, str],
) -> None:
    of = declared()
    found = live(of, updatedReplicas=1, replicas=3)
    assert rollout(of, [found], [case[1]]).reason == "Progressing"


def test_a_deadline_without_a_pod_to_blame_is_told() -> None:
    of = declared()
    found = live(of, updatedReplicas=0, conditions=LATE)
    assert rollout(of, [found], []).reason == "ProgressDeadlineExceeded"


def test_a_quota_or_an_admission_webhook_that_refuses_pods_is_told() -> None:
    of = declared()
    refused = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: small"}
    told = rollout(of, [live(of, updatedReplicas=0, conditions=[refused])], [])
    assert (told.status, told.reason) == ("False", "PodsRefused")
    assert "exceeded quota" in told.message


def test_only_the_pods_of_the_newest_template_are_blamed() -> None:
    of = declared()
    old = pod(container(BACK_OFF, {"terminated": CRASHED}), template="old", name="a-0")
    new = pod(container(RUNNING), created="2026-01-01T00:00:09Z")
    found = live(of, updatedReplicas=1, replicas=3)
    assert rollout(of, [found], [old, new]).reason == "Progressing"
    # The controller has made no pod of the newest template yet.
    assert rollout(of, [live(of, updatedReplicas=0)], [old]).reason == "Progressing"


def test_pods_lost_after_a_rollout_get_the_deadline_too() -> None:
    of = declared()
    unready = pod(container(RUNNING, started=True))

    def lost(since: float) -> Rollout:
        conditions = [
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
            {"type": "Available", "status": "False", "lastTransitionTime": at(since)},
        ]
        return rollout(of, [live(of, availableReplicas=1, conditions=conditions)], [unready])

    fresh = lost(-10)
    assert fresh.reason == "Progressing"
    assert fresh.recheck == pytest.approx(170, abs=5)
    assert lost(-181).reason == "ReadinessProbeFailing"


def test_a_pod_that_does_not_end_is_told_once_it_is_overdue() -> None:
    of = declared()
    ending = pod(container(RUNNING, ready=True), deleted=at(5))
    told = rollout(of, [live(of)], [ending])
    assert told.status == "True"
    assert told.recheck == pytest.approx(36, abs=3)  # when it would be overdue
    overdue = pod(container(RUNNING, ready=True), deleted=at(-60))
    told = rollout(of, [live(of)], [overdue])
    assert (told.status, told.reason) == ("False", "StuckTerminating")
    assert "a-1" in told.message


def test_scaled_to_zero_is_ready_once_no_pod_is_left() -> None:
    of = declared(replicas=0)
    none = {"replicas": 0, "updatedReplicas": 0, "availableReplicas": 0, "readyReplicas": 0}
    gone = live(of, wanted=0, **none)
    assert rollout(of, [gone], []).reason == "ScaledToZero"
    scaled = parse(service("a", {"image": "a:1", "autoscaling": {"max": 9}}))
    assert rollout(scaled, [gone], []).status == "False"
    ending = pod(container(RUNNING, ready=True), deleted=at(5))
    assert rollout(of, [gone], [ending]).status == "False"
    assert rollout(of, [live(of, wanted=0)], []).reason == "Progressing"
    assert rollout(of, [live(of, wanted=0, generation=5)], []).reason == "Progressing"


def test_an_autoscaler_that_asks_for_more_does_not_make_a_service_unready() -> None:
    of = parse(service("a", {"image": "a:1", "autoscaling": {"min": 2, "max": 9}}))
    assert rollout(of, [live(of, wanted=5)], []).status == "True"
    # A rollout does, with an autoscaler too.
    rolling = live(of, replicas=3, updatedReplicas=1, availableReplicas=3)
    assert rollout(of, [rolling], []).status == "False"
    nowhere = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    stuck = pod(status={"conditions": [nowhere]})
    assert rollout(of, [live(of, wanted=5)], [stuck]).reason == "Unschedulable"


def test_a_paused_rollout_is_told() -> None:
    of = declared()
    found = live(of, updatedReplicas=0)
    found["spec"]["paused"] = True
    told = rollout(of, [found], [])
    assert told.reason == "RolloutPaused"
    assert "kubectl rollout resume" in told.message
