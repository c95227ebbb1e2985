"""From an empty machine to a shop that is ready: each step as early as it can be."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from functools import partial

import httpx
import yaml

from shop_cluster.secrets_provider import Provider, chosen_provider
from shop_journey import gitops
from shop_journey.customer import SHOP as SHOP_URL
from shop_journey.customer import RefusedError, ask
from shop_journey.kubectl import APPLY, Kubectl
from shop_journey.place import ROOT, Place, own_program
from shop_journey.readiness import rolled_out, unready
from shop_journey.steps import Report, Step, StepFailedError

CATALOGUE = ROOT / "manifests" / "seed" / "catalogue.ndjson"
SYSTEM, SHOP = "minishop-system", "shop"
SERVICES: dict[Provider, str] = {
    "vault": "manifests/shop",
    "kubernetes": "kustomize/overlays/shop-kubernetes",
}
"""The kustomization of the services, by who brings their secrets."""
READY_SECONDS = 300


async def _observability(_: Place, report: Report) -> None:
    await own_program("shop-cluster", "observability", "up")(report)


async def _edge(_: Place, report: Report) -> None:
    await own_program("shop-cluster", "edge", "up")(report)


LAYERS: dict[str, Callable[[Place, Report], Awaitable[None]]] = {
    "edge": _edge,
    "gitops": gitops.bring,
    "observability": _observability,
}
"""What can be brought up with the shop, and is not brought up without being asked for."""


def steps(place: Place, *, layers: Collection[str] = ()) -> list[Step]:
    """Return what is to be done there, for the shop and the layers."""
    services = sorted(
        file.parent.name
        for file in (ROOT / "services").glob("*/pyproject.toml")
        if file.parent.name != "shared"
    )
    return [
        Step("cluster", own_program("shop-cluster", "up", "--empty")),
        Step(
            "store images", own_program("shop-cluster", "images", "--platform"), needs=("cluster",)
        ),
        Step("platform", own_program("shop-cluster", "platform"), needs=("store images",)),
        Step(
            "shop images",
            own_program("shop-cluster", "images", "operator", *services),
            needs=("store images",),
        ),
        Step("operator", lambda report: _operator(place, report), needs=("shop images",)),
        Step("shop", lambda report: _shop(place, report), needs=("platform", "operator")),
        Step("catalogue", _catalogue, needs=("shop",)),
        # Last: a layer may have the shop's pods replaced. Flux comes when that is done: it waits
        # until all is healthy.
        *(
            Step(
                layer,
                partial(LAYERS[layer], place),
                needs=("catalogue", *(set(layers) - {layer} if layer == "gitops" else ())),
            )
            for layer in sorted(layers)
        ),
    ]


async def _operator(place: Place, report: Report) -> None:
    kubectl = place.kubectl
    if "operator" in await gitops.kept_by_flux(kubectl):
        report("applied by Flux, as Git has it")
    else:
        manifests = ROOT / await operator_manifests(kubectl)
        await kubectl(*APPLY, "-k", str(manifests))
    await _until(lambda: _late_deployments(kubectl, SYSTEM), report, look="make logs S=operator")


async def _shop(place: Place, report: Report) -> None:
    kubectl = place.kubectl
    if "shop" in await gitops.kept_by_flux(kubectl):
        report("applied by Flux, as Git has it")
    else:
        await apply_services(kubectl, chosen_provider(), report)
        await kubectl(*APPLY, "-f", "-", stdin=await _development(kubectl))
    await wait_until_ready(kubectl, report)


async def _development(kubectl: Kubectl) -> str:
    """Return what a development cluster has beside the shop, without the entry that Kong has."""
    text = await kubectl("kustomize", str(ROOT / "manifests" / "dev"))
    if not await gitops.kong_has_entry(kubectl):
        return text
    name = ("Service", "entry")
    manifests = yaml.safe_load_all(text)
    return yaml.safe_dump_all(
        each for each in manifests if (each["kind"], each["metadata"]["name"]) != name
    )


async def operator_manifests(kubectl: Kubectl) -> str:
    """Return the kustomization of the operator, told of the cluster's Vault where there is one.

    A shop that no longer uses Vault still has things in it, for the operator to take away.
    """
    found = ("get", "statefulset", "vault", "-n=platform", "--ignore-not-found", "-o=name")
    has_vault = chosen_provider() == "vault" or bool(await kubectl(*found))
    return "kustomize/overlays/operator-vault" if has_vault else "kustomize/base/operator"


async def apply_services(kubectl: Kubectl, provider: Provider, report: Report) -> None:
    """Apply the services, with their secrets from a provider. Raises StepFailedError."""
    if provider == "kubernetes":
        await own_program("shop-cluster", "secrets", "--shop")(report)
    await kubectl(*APPLY, "-k", str(ROOT / SERVICES[provider]))


async def _catalogue(report: Report) -> None:
    """Fill an empty shop. One with products is its people's: what they changed stays so."""
    async with httpx.AsyncClient(base_url=SHOP_URL, timeout=20) as http:
        try:
            found = await ask(http, "GET", "/v1/products", query={"limit": 1})
        except (httpx.HTTPError, RefusedError) as error:
            raise StepFailedError(f"no catalogue: {error}", "make logs S=product") from error
    if found["items"]:
        report("kept as it is (`make seed` makes it anew)")
        return
    await own_program("python", "-m", "shop_product.seed", "upload", str(CATALOGUE))(report)


async def wait_until_ready(kubectl: Kubectl, report: Report) -> None:
    """Return when the shop takes orders, reporting what is waited for. Raises StepFailedError."""
    # Three looks: what the operator says, the pods that are there now, and the way in.
    for late in (_late_services, lambda kubectl: _late_deployments(kubectl, SHOP), _unreachable):
        await _until(partial(late, kubectl), report, look="make status")


async def _until(
    late: Callable[[], Awaitable[dict[str, str]]], report: Report, *, look: str
) -> None:
    """Return when nothing is late any more, reporting what is waited for and why."""
    waiting: dict[str, str] = {}
    try:
        async with asyncio.timeout(READY_SECONDS):
            while waiting := await late():
                report("; ".join(f"{name}: {why}" for name, why in waiting.items()))
                await asyncio.sleep(0.5)
    except TimeoutError:
        reasons = "\n".join(f"{name}: {why}" for name, why in waiting.items())
        raise StepFailedError(f"not ready in {READY_SECONDS} s:\n{reasons}", look) from None


async def _late_deployments(kubectl: Kubectl, namespace: str) -> dict[str, str]:
    found = await kubectl.get("deployments", "-n", namespace)
    return {
        item["metadata"]["name"]: "pods not ready"
        for item in found["items"]
        if not rolled_out(item)
    }


async def _unreachable(_: Kubectl) -> dict[str, str]:
    """Return the services that the gateway cannot reach yet."""
    try:
        async with httpx.AsyncClient(base_url=SHOP_URL, timeout=10) as http:
            document = (await http.get("/openapi.json")).raise_for_status().json()
    except httpx.HTTPError as error:
        return {"gateway": str(error) or type(error).__name__}
    return dict.fromkeys(document.get("x-unavailable", ()), "the gateway has no way to it")


async def _late_services(kubectl: Kubectl) -> dict[str, str]:
    return unready((await kubectl.get("shopservices", "-n", SHOP))["items"])
