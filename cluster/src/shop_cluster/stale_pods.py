"""Pods that run an image older than the one that their tag names now.

Tags stay while developing, so Kubernetes sees no reason to make such pods anew.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from shop_cluster import image_archive
from shop_cluster.builder import identity_of
from shop_cluster.shell import run


def restart(kubectl: Sequence[str]) -> list[str]:
    """Delete them, for their controllers to make again, and return their names."""
    found = json.loads(run(*kubectl, "get", "pods", "--all-namespaces", "-o=json"))["items"]
    stale = list(outdated(found, _identities(found)))
    for pod in stale:
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        # It may have gone by itself meanwhile.
        words = (f"--namespace={namespace}", "--wait=false", "--ignore-not-found")
        run(*kubectl, "delete", "pod", name, *words)
    return [pod["metadata"]["name"] for pod in stale]


def outdated(
    pods: Sequence[Mapping[str, Any]], identities: Mapping[str, Collection[str]]
) -> Iterator[Mapping[str, Any]]:
    """Yield the pods with a container whose image is none that its tag has now, by their digests.

    One that is ending already is left to end. Kubernetes names an image by its configuration's
    digest, or after `@` by its manifest's.
    """
    for pod in pods:
        if "deletionTimestamp" not in pod.get("metadata", {}) and any(
            found["imageID"]
            and found["image"] in identities
            and found["imageID"].rpartition("@")[2] not in identities[found["image"]]
            for found in _containers(pod)
        ):
            yield pod


def _containers(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    status = pod.get("status", {})
    return [*status.get("containerStatuses", []), *status.get("initContainerStatuses", [])]


def _identities(pods: Sequence[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return the digests that may stand for what the pods' tags name now, of those built here."""
    manifests = image_archive.manifests()
    found = {}
    started = (each for pod in pods for each in _containers(pod) if each["imageID"])
    for tag in {container["image"] for container in started}:
        identity = identity_of(tag)
        if identity is not None:
            digest = manifests.get(identity, f"sha256:{identity}")
            found[tag] = {f"sha256:{identity}", digest}
    return found
