"""Pods that run an image older than the one that their tag names now.

Tags stay while developing, so Kubernetes sees no reason to make such pods anew.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from shop_cluster import image_archive
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
    pods: Sequence[Mapping[str, Any]], identities: Mapping[str, Collection[str]]
) -> Iterator[Mapping[str, Any]]:
    """Yield the pods with a container whose image is none that its tag has now, by their digests.

    Kubernetes names an image by its configuration's digest, or after `@` by its manifest's.
    """
    for pod in pods:
        status = pod.get("status", {})
        containers = [
            *status.get("containerStatuses", []),
            *status.get("initContainerStatuses", []),
        ]
        if any(
            found["imageID"]
            and found["image"] in identities
            and found["imageID"].rpartition("@")[2] not in identities[found["image"]]
            for found in containers
        ):
            yield pod


def _identities() -> dict[str, set[str]]:
    """Return the digests that may stand for what a tag of buildah's names now."""
    listed = run("buildah", "images", "--no-trunc", "--format", "{{.Name}}:{{.Tag}} {{.ID}}")
    manifests = image_archive.manifests()
    found = {}
    for name, identity in (line.split() for line in listed.splitlines()):
        digest = identity.removeprefix("sha256:")
        found[name] = {f"sha256:{digest}", manifests.get(digest, f"sha256:{digest}")}
    return found
