"""Upgrades of stores' data, which their pods' init container `upgrade` does: what they say."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shop_cluster.errors import ClusterError
from shop_cluster.kubernetes_api import Resource
from shop_cluster.shell import run

_CONTAINER = "upgrade"


class Upgrades:
    """Reports each step of an upgrade once."""

    def __init__(self, kubectl: Sequence[str]) -> None:
        self._kubectl = kubectl
        self._told: dict[str, int] = {}

    def running(self, late: Sequence[Resource], report: Callable[[str], None]) -> bool:
        """Report what the upgrades of workloads that are not ready say; whether one is at work.

        Raises:
            ClusterError: one can't be done; why is what it said last.

        """
        at_work = False
        for workload in late:
            if workload["kind"] != "StatefulSet":
                continue
            for pod in pods_of(self._kubectl, workload):
                state = state_of(pod)
                if state in ("none", "waiting"):
                    continue
                at_work |= state == "running"
                said = self._report(pod, report)
                if state == "failed":
                    name = pod["metadata"]["name"]
                    raise ClusterError(f"{name}: {said[-1] if said else 'its upgrade failed'}")
        return at_work

    def _report(self, pod: Mapping[str, Any], report: Callable[[str], None]) -> list[str]:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        words = ("logs", name, f"--namespace={namespace}", f"--container={_CONTAINER}")
        said = run(*self._kubectl, *words).splitlines()
        identity = pod["metadata"]["uid"]
        for line in said[self._told.get(identity, 0) :]:
            report(line)
        self._told[identity] = len(said)
        return said


def state_of(pod: Mapping[str, Any]) -> str:
    """Return how a pod's upgrade is: none, waiting, running, done or failed."""
    for status in pod.get("status", {}).get("initContainerStatuses", []):
        if status["name"] == _CONTAINER:
            # Tried again and again, it waits in between; how it ended is then its last state.
            for found in (status["state"], status.get("lastState", {})):
                if "running" in found:
                    return "running"
                if "terminated" in found:
                    return "failed" if found["terminated"]["exitCode"] else "done"
            return "waiting"
    return "none"


def pods_of(kubectl: Sequence[str], workload: Resource) -> list[dict[str, Any]]:
    """Return the pods of a StatefulSet or a Deployment."""
    namespace = workload["metadata"]["namespace"]
    labels = workload["spec"]["selector"]["matchLabels"].items()
    selector = ",".join(f"{key}={value}" for key, value in labels)
    listed = run(*kubectl, "get", "pods", f"-n={namespace}", f"-l={selector}", "-o=json")
    pods: list[dict[str, Any]] = json.loads(listed)["items"]
    return pods
