"""Installs the platform on a cluster: its kinds, secrets, stores, Kafka and Connect.

Idempotent: run again, it makes what is missing and changes what differs.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from shop_cluster import platform_secrets
from shop_cluster.errors import ClusterError
from shop_cluster.kubernetes_api import KubernetesApi, Resource
from shop_cluster.places import checkout
from shop_cluster.shell import run

Report = Callable[[str], None]
_FIRST = {"Namespace", "CustomResourceDefinition"}
_WORKLOADS = {"StatefulSet": "statefulsets", "Deployment": "deployments"}
_SECONDS = 300


def install(
    *,
    kubectl: Sequence[str],
    kubeconfig: Path,
    overlay: str,
    report: Report,
    seconds: float = _SECONDS,
) -> None:
    """Apply `kustomize/overlays/<overlay>` and return when all its workloads are ready.

    ``kubectl`` is how to call it, without a kubeconfig; ``report`` is told each step in a line.

    Raises:
        ClusterError: the API server refused something, or not all was ready in time.

    """
    command = (*kubectl, f"--kubeconfig={kubeconfig}")
    folder = checkout() / "kustomize" / "overlays" / overlay
    rendered = run(*kubectl, "kustomize", str(folder))
    manifests = [found for found in yaml.load_all(rendered, Loader=yaml.CSafeLoader) if found]
    # Pods that start before their secret is there are tried again late.
    _apply(command, [found for found in manifests if found["kind"] in _FIRST])
    _ensure_secrets(command)
    _apply(command, [found for found in manifests if found["kind"] not in _FIRST])
    report(f"{len(manifests)} objects applied")
    workloads = [found for found in manifests if found["kind"] in _WORKLOADS]
    asyncio.run(_wait(kubeconfig, workloads, report, seconds))


def _apply(kubectl: Sequence[str], manifests: Sequence[Resource]) -> None:
    text = yaml.dump_all(manifests, Dumper=yaml.CSafeDumper)
    options = ("--server-side", "--force-conflicts", "--field-manager=minishop-platform")
    run(*kubectl, "apply", *options, "-f", "-", stdin=text)


def _ensure_secrets(kubectl: Sequence[str]) -> None:
    listed = run(*kubectl, "get", "secrets", f"-n={platform_secrets.NAMESPACE}", "-o=name")
    existing = {line.removeprefix("secret/") for line in listed.splitlines()}
    if new := platform_secrets.missing(existing):
        # Created, not applied: should another install be faster, its secrets stay.
        run(*kubectl, "create", "-f", "-", stdin=yaml.safe_dump_all(new))


async def _wait(
    kubeconfig: Path, workloads: Sequence[Resource], report: Report, seconds: float
) -> None:
    api = KubernetesApi.from_kubeconfig(kubeconfig)
    began = time.monotonic()
    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
            for workload in workloads:
                tasks.create_task(_ready(api, workload, report, began))
    except TimeoutError:
        late = [await _late(api, workload) for workload in workloads]
        named = ", ".join(reason for reason in late if reason)
        raise ClusterError(f"not ready after {seconds:.0f} s: {named}") from None
    finally:
        await api.close()


async def _ready(api: KubernetesApi, workload: Resource, report: Report, began: float) -> None:
    while not is_ready(await api.get(_path(workload))):  # noqa: ASYNC110 -- remote
        await asyncio.sleep(0.5)
    report(f"{workload['metadata']['name']} ready after {time.monotonic() - began:.1f} s")


def is_ready(workload: Resource) -> bool:
    """Whether a StatefulSet or Deployment runs its latest generation on all its replicas."""
    status = workload.get("status", {})
    seen: int = status.get("observedGeneration", 0)
    counts = {status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas")}
    return seen >= workload["metadata"]["generation"] and counts == {workload["spec"]["replicas"]}


async def _late(api: KubernetesApi, workload: Resource) -> str | None:
    """Say why a workload is not ready, by what its containers wait for; None when it is."""
    live = await api.get(_path(workload))
    if is_ready(live):
        return None
    metadata = live["metadata"]
    pods = await api.list(
        f"/api/v1/namespaces/{metadata['namespace']}/pods",
        labels=live["spec"]["selector"]["matchLabels"],
    )
    statuses = [
        status for pod in pods for status in pod.get("status", {}).get("containerStatuses", [])
    ]
    waiting = [
        status["state"]["waiting"]["reason"] for status in statuses if "waiting" in status["state"]
    ]
    reason = waiting[0] if waiting else "its probes fail" if statuses else "no pod runs"
    return f"{metadata['name']} ({reason})"


def _path(workload: Resource) -> str:
    metadata, plural = workload["metadata"], _WORKLOADS[workload["kind"]]
    return f"/apis/apps/v1/namespaces/{metadata['namespace']}/{plural}/{metadata['name']}"
