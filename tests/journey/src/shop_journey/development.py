"""`make dev`: Tilt on a shop that is up, and the shop put back as it was deployed."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from shop_cluster.build import tool
from shop_cluster.development_images import remove_development_images
from shop_cluster.errors import ClusterError
from shop_cluster.paths import ClusterPaths
from shop_cluster.ports import takes_connections
from shop_cluster.secrets_provider import Provider
from shop_journey import gitops
from shop_journey.field_owners import patch_metadata
from shop_journey.kubectl import Kubectl
from shop_journey.place import ROOT, Place
from shop_journey.readiness import unready
from shop_journey.steps import Report, StepFailedError
from shop_journey.up import SERVICES, SHOP, apply_services, wait_until_ready

PORT = 10350
"""Where Tilt answers, on loopback only: its own default."""
_ANNOTATIONS = ("tilt.dev/down-policy", "kubectl.kubernetes.io/last-applied-configuration")
"""What the Tiltfile gives what Tilt applies, and Tilt itself. `make up` gives neither."""
_STORES = "platform"


async def tilt_command(place: Place, words: Sequence[str]) -> tuple[list[str], Mapping[str, str]]:
    """Return the command line of Tilt for the shop that is up, and its environment.

    ``words`` is one of Tilt's commands and its flags: `up` without any.

    Raises:
        StepFailedError: there is no shop, it is not ready, or somebody else applies it.

    """
    kubectl = place.kubectl
    services = await _services(kubectl)
    waiting = unready(services)
    # What Tilt has already may be broken just now: it is being worked on.
    if waiting and not any(_is_tilts(each) for each in services):
        reasons = "; ".join(f"{name}: {why}" for name, why in waiting.items())
        raise StepFailedError(f"the shop is not ready ({reasons})", "make status")
    if "shop" in await gitops.kept_by_flux(kubectl):
        raise StepFailedError(
            "Flux keeps the shop as Git has it, and would undo what you save", "make gitops-down"
        )
    found = await kubectl("get", "statefulsets,deployments", "-n", _STORES, "-o", "name")
    # Vault is no store, and its audit log would drown what services say.
    stores = " ".join(name for name in found.split() if "/vault" not in name)
    (ROOT / "build").mkdir(exist_ok=True)
    try:
        program = str(tool("tilt"))
    except ClusterError as error:
        raise StepFailedError(str(error)) from error
    command, *flags = words or ("up",)
    # Its web page is in no Go module: where it cannot be fetched, the terminal and `tilt get` do.
    serving = ("--host=127.0.0.1", f"--port={PORT}", "--web-mode=prod")
    return [program, command, *serving, *flags], {
        **kubectl.environment,
        "PATH": _path(kubectl),
        "MINISHOP_SERVICES": SERVICES[_provider(services)],
        "MINISHOP_STORES": stores,
        "TILT_DISABLE_ANALYTICS": "1",
    }


async def put_back(place: Place, report: Report) -> None:
    """Return when every service is as its manifest has it, and nothing of Tilt's is left on it.

    Raises:
        StepFailedError: Tilt runs still, there is no shop, or it does not become ready.

    """
    if takes_connections(PORT):
        raise StepFailedError(f"Tilt runs still (port {PORT}): end it first, with Ctrl-C")
    kubectl = place.kubectl
    services = await _services(kubectl)
    provider = _provider(services)
    built = yaml.safe_load_all(await kubectl("kustomize", str(ROOT / SERVICES[provider])))
    ours = {each["metadata"]["name"] for each in built}
    touched = {each["metadata"]["name"] for each in services if _is_tilts(each)} & ours
    if not touched:
        report("nothing to put back: no service is Tilt's")
        return
    # With what it finds of Tilt's kubectl takes over what Tilt applied: a field that the manifest
    # has no longer goes.
    await apply_services(kubectl, provider, report)
    for name in sorted(touched):
        await patch_metadata(kubectl, "shopservice", name, f"-n={SHOP}", wanted=without_tilt)
        report(f"{name} is as it was deployed")
    await wait_until_ready(kubectl, report)
    try:
        remove_development_images(ClusterPaths.of_this_machine())
    except ClusterError as error:
        raise StepFailedError(str(error)) from error


def without_tilt(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata without Tilt's annotations, and who set them."""
    return {
        "annotations": dict.fromkeys(_ANNOTATIONS),
        "managedFields": [each for each in metadata["managedFields"] if not _is_owner(each)],
    }


def _is_owner(field: Mapping[str, Any]) -> bool:
    """Tell whether a field manager has the annotations: Tilt, or kubectl in its stead."""
    fields = field.get("fieldsV1", {}).get("f:metadata", {}).get("f:annotations", {})
    return any(f"f:{name}" in fields for name in _ANNOTATIONS)


async def _services(kubectl: Kubectl) -> list[dict[str, Any]]:
    """Return the ShopServices on the cluster. Raises StepFailedError when there is no shop."""
    try:
        found = (await kubectl.get("shopservices", "-n", SHOP))["items"]
    except (StepFailedError, OSError) as error:
        raise StepFailedError(f"there is no shop to work on: {error}") from error
    if not found:
        raise StepFailedError("there is no shop to work on: run `make up` first")
    return list(found)


def _provider(services: Sequence[Mapping[str, Any]]) -> Provider:
    """Return who brings the secrets of the shop that is up, whatever SECRETS says."""
    for each in services:
        if each["spec"].get("secrets", {}).get("provider") == "vault":
            return "vault"
    return "kubernetes"


def _is_tilts(service: Mapping[str, Any]) -> bool:
    return not set(_ANNOTATIONS).isdisjoint(service["metadata"].get("annotations", {}))


def _path(kubectl: Kubectl) -> str:
    """Return the PATH by which Tilt and its commands have the same kubectl."""
    folder = str(Path(kubectl.program).parent) if "/" in kubectl.program else ""
    return os.pathsep.join(each for each in (folder, os.environ.get("PATH", "")) if each)
