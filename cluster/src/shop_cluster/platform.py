"""Installs the platform on a cluster: its kinds, secrets, stores, Kafka and Connect.

Idempotent: run again, it makes what is missing and changes what differs.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from shop_cluster import platform_secrets, rabbitmq_upgrade
from shop_cluster.errors import ClusterError
from shop_cluster.kubernetes_api import Resource
from shop_cluster.manifest_text import parse
from shop_cluster.paths import checkout
from shop_cluster.shell import run
from shop_cluster.store_upgrades import Upgrades, pods_of

Report = Callable[[str], None]
_FIRST = {"Namespace", "CustomResourceDefinition"}
_WORKLOADS = {"StatefulSet", "Deployment", "DaemonSet"}
# What an operator makes workloads of, and the condition by which it says that they run.
_KEPT = {
    "Kafka": "Ready",
    "KafkaConnect": "Ready",
    "Prometheus": "Available",
    "Alertmanager": "Available",
}
_SECONDS = 300


def install(
    *,
    kubectl: Sequence[str],
    kubeconfig: Path,
    overlay: str,
    crds: Sequence[Path] = (),
    report: Report,
) -> None:
    """Apply `kustomize/overlays/<overlay>` and return when all its workloads are ready.

    What the overlay's `operators/` renders to, where there is one, goes with it, and so do the
    files `crds`.

    ``kubectl`` is how to call it, without a kubeconfig; ``report`` is told each step in a line.

    Raises:
        ClusterError: the API server refused something, or not all was ready in time.

    """
    command = (*kubectl, f"--kubeconfig={kubeconfig}")
    folder = overlay_folder(overlay)
    operators = folder / "operators"
    folders = [operators, folder] if operators.is_dir() else [folder]
    manifests = render(kubectl, folders, crds=crds)
    # Pods that start before their secret is there are tried again late.
    apply_kinds(command, manifests)
    ensure_secrets(command)
    rabbitmq_upgrade.prepare(command, manifests, report)
    apply_objects(command, manifests, report)


def overlay_folder(overlay: str) -> Path:
    """Return where an overlay is in the checkout."""
    return checkout() / "kustomize" / "overlays" / overlay


def render(
    kubectl: Sequence[str], folders: Sequence[Path], *, crds: Sequence[Path] = ()
) -> list[Resource]:
    """Return what kustomizations make, and what the files `crds` hold. Raises ClusterError."""
    texts = [run(*kubectl, "kustomize", str(each)) for each in folders]
    rendered = "\n---\n".join([*texts, *(file.read_text() for file in crds)])
    return parse(rendered)


def apply_kinds(kubectl: Sequence[str], manifests: Sequence[Resource]) -> None:
    """Apply the namespaces and kinds of manifests, and return when the API server has them."""
    kinds = [found for found in manifests if found["kind"] in _FIRST]
    apply(kubectl, kinds)
    definitions = [found for found in kinds if found["kind"] != "Namespace"]
    if definitions:  # of none, kubectl would say that there is nothing to wait for
        text = yaml.dump_all(definitions)
        run(*kubectl, "wait", "--for=condition=Established", "-f", "-", stdin=text)


def apply_objects(kubectl: Sequence[str], manifests: Sequence[Resource], report: Report) -> None:
    """Apply the rest of manifests, and return when all workloads are ready. Raises ClusterError."""
    apply(kubectl, [found for found in manifests if found["kind"] not in _FIRST])
    report(f"{len(manifests)} objects applied")
    workloads = [found for found in manifests if found["kind"] in {*_WORKLOADS, *_KEPT}]
    wait(kubectl, workloads, report)


def apply(kubectl: Sequence[str], manifests: Sequence[Resource]) -> None:
    """Apply manifests by server-side apply, whoever had their fields. Raises ClusterError."""
    text = yaml.dump_all(manifests, Dumper=yaml.CSafeDumper)
    options = ("--server-side", "--force-conflicts", "--field-manager=minishop-platform")
    run(*kubectl, "apply", *options, "-f", "-", stdin=text)


def ensure_secrets(kubectl: Sequence[str]) -> None:
    """Make those Secrets of the stores' administrators that are missing. Raises ClusterError."""
    create_missing(kubectl, platform_secrets.missing)


def create_missing(
    kubectl: Sequence[str],
    missing: Callable[[set[str]], Sequence[Resource]],
    *,
    namespace: str = platform_secrets.NAMESPACE,
) -> None:
    """Make the Secrets of which `missing` returns manifests, given the names of those there are.

    Raises ClusterError.
    """
    listed = run(*kubectl, "get", "secrets", f"-n={namespace}", "-o=name")
    existing = {line.removeprefix("secret/") for line in listed.splitlines()}
    if new := missing(existing):
        # Created, not applied: should another install be faster, its secrets stay.
        run(*kubectl, "create", "-f", "-", stdin=yaml.safe_dump_all(new))


def wait(kubectl: Sequence[str], workloads: Sequence[Resource], report: Report) -> None:
    """Return when workloads run as they are declared. Raises ClusterError after five minutes."""
    asked = yaml.dump_all(workloads, Dumper=yaml.CSafeDumper)
    began = deadline = time.monotonic()
    told: set[str] = set()
    upgrades = Upgrades(kubectl)
    while True:
        live = json.loads(run(*kubectl, "get", "-f", "-", "-o=json", stdin=asked))["items"]
        late = [found for found in live if not is_ready(found)]
        passed = time.monotonic() - began
        for name in _names(live) - _names(late) - told:
            report(f"{name} ready after {passed:.1f} s")
            told.add(name)
        if not late:
            return
        # An upgrade of a store's data takes as long as there are data.
        if upgrades.running(late, report):
            deadline = time.monotonic()
        if time.monotonic() - deadline > _SECONDS:
            named = ", ".join(_reason(kubectl, found) for found in late)
            raise ClusterError(f"not ready after {passed:.0f} s: {named}")
        time.sleep(1)


def _names(resources: Sequence[Resource]) -> set[str]:
    return {found["metadata"]["name"] for found in resources}


def is_ready(workload: Resource) -> bool:
    """Whether a workload runs its latest generation on all its replicas."""
    status = workload.get("status", {})
    seen: int = status.get("observedGeneration", 0)
    generation: int = workload["metadata"]["generation"]
    if wanted := _KEPT.get(workload["kind"]):
        return any(
            (found["type"], found["status"]) == (wanted, "True")
            and found.get("observedGeneration", seen) >= generation
            for found in status.get("conditions", [])
        )
    if seen < generation:
        return False
    if workload["kind"] == "DaemonSet":
        of_nodes = ("desiredNumberScheduled", "updatedNumberScheduled", "numberReady")
        return len({status.get(name, 0) for name in of_nodes}) == 1
    counts = {status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas")}
    return counts == {workload["spec"]["replicas"]}


def _reason(kubectl: Sequence[str], workload: Resource) -> str:
    """Say why a workload is not ready, by what its containers wait for."""
    name = workload["metadata"]["name"]
    if workload["kind"] in _KEPT:
        said = [
            found.get("message", "") for found in workload.get("status", {}).get("conditions", [])
        ]
        return f"{name} ({'; '.join(filter(None, said)) or 'its operator says nothing'})"
    statuses = [
        status
        for pod in pods_of(kubectl, workload)
        for status in (
            *pod.get("status", {}).get("initContainerStatuses", []),
            *pod.get("status", {}).get("containerStatuses", []),
        )
    ]
    waiting = [
        status["state"]["waiting"]["reason"] for status in statuses if "waiting" in status["state"]
    ]
    reason = waiting[0] if waiting else "its probes fail" if statuses else "no pod runs"
    return f"{name} ({reason})"
