"""Pods that run an image older than the one that their tag names now.

Tags stay while developing, so Kubernetes sees no reason to make such pods anew.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shop_cluster.shell import run


def restart(kubectl: Sequence[str]) -> list[str]:
    """Delete them, for their controllers to make again, and return their names."""
    found = json.loads(run(*kubectl, "get", "pods", "--all-namespaces", "-o=json"))["items"]
    stale = list(outdated(found, _identities()))
    for pod in stale:
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        run(*kubectl, "delete", "pod", name, f"--namespace={namespace}", "--wait=false")
    return [pod["metadata"]["name"] for pod in stale]


def outdated(
    pods: Sequence[Mapping[str, Any]], identities: Mapping[str, str]
) -> Iterator[Mapping[str, Any]]:
    """Yield the pods with a container whose tag has another identity now (config digests)."""
    for pod in pods:
        status = pod.get("status", {})
        containers = [
            *status.get("containerStatuses", []),
            *status.get("initContainerStatuses", []),
        ]
        if any(
            found["imageID"]
            and identities.get(found["image"], found["imageID"]) != found["imageID"]
            for found in containers
        ):
            yield pod


def _identities() -> dict[str, str]:
    listed = run("buildah", "images", "--no-trunc", "--format", "{{.Name}}:{{.Tag}} {{.ID}}")
    pairs = (line.split() for line in listed.splitlines())
    return {name: "sha256:" + identity.removeprefix("sha256:") for name, identity in pairs}
