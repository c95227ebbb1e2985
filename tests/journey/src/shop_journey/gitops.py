"""The layer `gitops`: Flux and a Git server on the cluster, and the shop kept as Git has it."""

import asyncio
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from shop_cluster import flux_entry
from shop_cluster.flux_entry import KUSTOMIZATIONS
from shop_cluster.kind import has_own_images
from shop_cluster.published_crds import FLUX, published
from shop_cluster.secrets_provider import chosen_provider
from shop_journey.field_owners import patch_metadata, without_flux
from shop_journey.git_server import GitServer
from shop_journey.kubectl import APPLY, Kubectl
from shop_journey.place import ROOT, Place, own_program
from shop_journey.steps import Report, StepFailedError

NAMESPACE = "flux-system"
_SOURCES = "gitrepositories.source.toolkit.fluxcd.io"
_CLUSTER_WIDE = ("minishop-source-controller", "minishop-kustomize-controller")
_WORKLOADS = (
    "statefulset/git",
    "deployment/source-controller",
    "deployment/kustomize-controller",
)
_READY_SECONDS = 600
_APPLIED = "kustomize.toolkit.fluxcd.io/name"
"""The label that Flux gives all that it applies."""
_AT_ONCE = 4
_LOOK = f"kubectl get kustomizations,gitrepositories -n {NAMESPACE}"


async def bring(place: Place, report: Report) -> None:
    """Have Flux keep the shop. Raises StepFailedError."""
    built = await install(place, report)
    await place.kubectl(*APPLY, "-f", "-", stdin=built)
    if await kong_has_entry(place.kubectl):
        await asyncio.to_thread(flux_entry.leave_out, place.kubectl.command())
    await wait_until_applied(place.kubectl, report)


def overlay(*, own_images: bool) -> Path:
    """Return the kustomization of the layer: by whose images the cluster runs, and Vault."""
    cluster = "embedded" if own_images else "kind"
    without_vault = "-kubernetes" if chosen_provider() == "kubernetes" else ""
    return ROOT / "kustomize" / "overlays" / f"{cluster}-gitops{without_vault}"


async def install(place: Place, report: Report) -> str:
    """Have Flux's controllers and the Git server run, and something in it to follow.

    Returns the manifests of the layer, with what Flux is to apply, which is not applied yet.
    """
    kubectl = place.kubectl
    own_images = has_own_images()
    images = ("git", "flux") if own_images else ("git",)
    await own_program("shop-cluster", "images", *images)(report)
    crds = [word for file in published(FLUX) for word in ("-f", str(file))]
    await kubectl(*APPLY, *crds)
    await kubectl("wait", "--for=condition=Established", *crds)
    built = await kubectl("kustomize", str(overlay(own_images=own_images)))
    applied = "kustomize.toolkit.fluxcd.io/v1"  # what Flux is to apply comes last
    rest = [each for each in yaml.safe_load_all(built) if each["apiVersion"] != applied]
    await kubectl(*APPLY, "-f", "-", stdin=yaml.safe_dump_all(rest))
    for workload in _WORKLOADS:
        report(f"waiting for {workload}")
        await kubectl("rollout", "status", workload, "-n", NAMESPACE, "--timeout=300s")
    server = GitServer(kubectl)
    if await server.head() is None:
        await server.commit_checkout("The platform, the operator and the shop of a checkout")
        report("the repository has its first commit")
    else:
        report(
            "the repository stays as it is; `make gitops-push` commits this checkout's manifests"
        )
    return built


async def kong_has_entry(kubectl: Kubectl) -> bool:
    """Tell whether port 8080 is Kong's, by the layer `edge`."""
    found = ("service", "kong-entry", "-n=kong", "--ignore-not-found", "-o=name")
    return bool(await kubectl("get", *found))


async def is_installed(kubectl: Kubectl) -> bool:
    """Tell whether the layer is on the cluster."""
    return bool(await kubectl("get", "namespace", NAMESPACE, "--ignore-not-found", "-o", "name"))


async def wait_until_applied(
    kubectl: Kubectl, report: Report, *, seconds: float = _READY_SECONDS
) -> None:
    """Return when everything but what is suspended is as the newest commit has it, and healthy.

    Raises:
        StepFailedError: it was not in time, with what each part says.

    """
    deadline = time.monotonic() + seconds
    head = await GitServer(kubectl).head()
    while late := _late((await kubectl.get(KUSTOMIZATIONS, "-n", NAMESPACE))["items"], head):
        if time.monotonic() > deadline:
            raise StepFailedError(f"not applied in {seconds:.0f} s: {late}", _LOOK)
        report(late)
        await asyncio.sleep(0.5)


def _late(kustomizations: list[dict[str, Any]], head: str | None) -> str:
    waiting = []
    for each in kustomizations:
        if each["spec"].get("suspend"):
            continue
        status = each.get("status", {})
        ready = condition(each)
        applied = status.get("lastAppliedRevision", "").endswith(f":{head}")
        if not (applied and ready.get("status") == "True"):
            waiting.append(f"{each['metadata']['name']}: {ready.get('message', 'not seen yet')}")
    return "; ".join(waiting)


def condition(kustomization: dict[str, Any]) -> dict[str, Any]:
    """Return the condition Ready of a Kustomization, empty before it has one."""
    found = kustomization.get("status", {}).get("conditions", [])
    return next((each for each in found if each["type"] == "Ready"), {})


async def kept_by_flux(kubectl: Kubectl) -> set[str]:
    """Return the names of the Kustomizations that Flux applies: nobody else is to."""
    if not await kubectl("get", "crd", KUSTOMIZATIONS, "--ignore-not-found", "-o", "name"):
        return set()
    found = (await kubectl.get(KUSTOMIZATIONS, "-n", NAMESPACE))["items"]
    return {each["metadata"]["name"] for each in found if not each["spec"].get("suspend")}


async def remove(place: Place, report: Report) -> None:
    """Take Flux and the Git server away; what Flux applied stays as it is."""
    kubectl = place.kubectl
    crds = [word for file in published(FLUX) for word in ("-f", str(file))]
    if await kubectl("get", "crd", KUSTOMIZATIONS, "--ignore-not-found", "-o", "name"):
        # While the controllers are there to let go of what they applied (deletionPolicy: Orphan).
        report("letting go of what was applied")
        kinds = _applied_kinds((await kubectl.get(KUSTOMIZATIONS, "-n", NAMESPACE))["items"])
        await kubectl(
            "delete", f"{KUSTOMIZATIONS},{_SOURCES}", "--all", "-n", NAMESPACE, "--timeout=120s"
        )
        await _take_over(kubectl, kinds)
    report("taking the controllers away")
    await kubectl("delete", *crds, "--ignore-not-found")
    for kind in ("clusterrolebinding", "clusterrole"):
        await kubectl("delete", kind, *_CLUSTER_WIDE, "--ignore-not-found")
    await kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=180s")


def _applied_kinds(kustomizations: list[dict[str, Any]]) -> set[str]:
    """Return the kinds of what was applied, as kubectl takes them: kind.group."""
    found = set()
    for each in kustomizations:
        for entry in each.get("status", {}).get("inventory", {}).get("entries", []):
            group, kind = entry["id"].split("_")[-2:]
            found.add(f"{kind}.{group}" if group else kind)
    return found


async def _take_over(kubectl: Kubectl, kinds: Collection[str]) -> None:
    """Own what Flux owned, as if `make up` had applied it."""
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def take(kind: str, metadata: dict[str, Any]) -> None:
        place = [f"--namespace={metadata['namespace']}"] if "namespace" in metadata else []
        async with at_once:
            await patch_metadata(kubectl, kind, metadata["name"], *place, wanted=without_flux)

    for kind in sorted(kinds):
        found = await kubectl.get(kind, "--all-namespaces", f"--selector={_APPLIED}")
        await asyncio.gather(*(take(kind, each["metadata"]) for each in found["items"]))
