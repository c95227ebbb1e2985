"""The RouteReady condition, and the URL that answers: only a way that really exists is ready."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from shop_operator.apply.result import ApplyResult
from shop_operator.conditions.readiness import Verdict, blocked, condition_of
from shop_operator.metadata import Manifest
from shop_operator.route_claims import Claim
from shop_operator.settings import Settings
from shop_operator.spec import Key, ShopService

ROUTE_KINDS: Final = frozenset({"HTTPRoute", "Ingress", "KongPlugin"})


@dataclass(frozen=True, slots=True)
class GatewayState:
    """The ShopService that follows the route table; `base` is its URL without a path.

    `unserved` says why requests do not reach the service through each of its pods; "" if they do.
    """

    key: Key
    serves: bool
    reachable: bool
    base: str | None = None
    unserved: str = ""
    tells: bool = False
    """True if its pods say what they serve."""
    covers: bool = True
    """False if the gateway's own paths do not let the service's requests in."""


@dataclass(frozen=True, slots=True)
class RouteView:
    """What is known about a service's way in, beside its own children."""

    claim: Claim
    in_table: bool = False
    gateway: GatewayState | None = None
    entry: str | None = None
    """Base URL of the Service that others keep as the entry, where the platform has no edge."""
    withdrawn: str = ""
    """Why a way that is no longer declared still exists; "" if none does."""


@dataclass(frozen=True, slots=True)
class RouteReadiness:
    """Status, reason and message of RouteReady; `url` answers, None if nothing does."""

    status: str
    reason: str
    message: str
    url: str | None = None

    @property
    def verdict(self) -> Verdict:
        """Return what the condition says."""
        return self.status, self.reason, self.message


def route(
    service: ShopService, platform: Settings, result: ApplyResult, view: RouteView | None
) -> RouteReadiness | None:
    """Return whether requests reach the service; None if it has no route, and had none."""
    if view is None:
        return None
    if view.withdrawn:
        return RouteReadiness("False", "RouteWithdrawing", view.withdrawn)
    if service.spec.route is None:
        return None
    found = _way(service, platform, result, view)
    if not view.claim.lost:
        return found
    taken = ", ".join(f"{path} belongs to ShopService {key}" for path, key in view.claim.lost)
    message = f"{taken}, which is older; choose another path, or take it off there"
    url = found.url if view.claim.won else None
    return RouteReadiness("False", "PathTaken", message, url)


def _way(
    service: ShopService, platform: Settings, result: ApplyResult, view: RouteView
) -> RouteReadiness:
    refused = blocked(result, ROUTE_KINDS)
    if refused is not None:
        return RouteReadiness(*refused)
    if service.spec.route is not None and service.spec.route.via == "gateway":
        return _with_url(_by_gateway(service, view), view)
    if platform.edge == "none":
        return _with_url(_by_entry(service, view), view)
    found = RouteReadiness(*_at_edge(result))
    host = (service.spec.route and service.spec.route.host) or platform.route_host
    port = f":{platform.route_port}" if platform.route_port else ""
    return _with_url(replace(found, url=f"{platform.route_scheme}://{host}{port}"), view)


def _with_url(found: RouteReadiness, view: RouteView) -> RouteReadiness:
    """Return the readiness with the path in its URL; without a URL unless it is ready."""
    if found.status != "True" or found.url is None or not view.claim.won:
        return replace(found, url=None)
    return replace(found, url=found.url + view.claim.won[0])


def _by_gateway(service: ShopService, view: RouteView) -> RouteReadiness:
    gateway = view.gateway
    if gateway is None:
        message = (
            f"no ShopService of namespace {service.namespace} has routeTable: no gateway follows "
            "its route table"
        )
        return RouteReadiness("False", "GatewayMissing", message)
    if not view.in_table:
        return RouteReadiness("False", "RouteTablePending", "the route table is being written")
    lacking = _lacking(gateway)
    if lacking is not None:
        return RouteReadiness("False", *lacking)
    name = gateway.key.name
    if gateway.tells:
        message = f"every ready pod of the gateway {name} serves it"
        return RouteReadiness("True", "Served", message, gateway.base)
    message = (
        f"in the route table that the gateway {name} follows; whether it serves it yet it does not "
        "say, as it has no routeTable.statusPath"
    )
    return RouteReadiness("True", "InRouteTable", message, gateway.base)


def _lacking(gateway: GatewayState) -> tuple[str, str] | None:
    """Return reason and message of what keeps requests from arriving; None if nothing does."""
    name = gateway.key.name
    if not gateway.serves:
        return "GatewayNotReady", f"no pod of the gateway {name} is ready"
    if not gateway.covers:
        message = f"the gateway {name} is not sent these paths: its own route has others"
        return "GatewayUnreachable", message
    if not gateway.reachable:
        return "GatewayUnreachable", f"the gateway {name} can't be reached: see its own RouteReady"
    return ("RouteNotServed", gateway.unserved) if gateway.unserved else None


def _by_entry(service: ShopService, view: RouteView) -> RouteReadiness:
    if view.entry is not None:
        return RouteReadiness("True", "EntryKept", f"reached at {view.entry}", view.entry)
    message = (
        "the platform has no edge (MINISHOP_EDGE is none), and no NodePort or LoadBalancer Service "
        f"with the label minishop.dev/entry={service.name} leads to the pods"
    )
    return RouteReadiness("False", "NoEdge", message)


def _at_edge(result: ApplyResult) -> Verdict:
    entry = next((c for c in result.live if c["kind"] in {"HTTPRoute", "Ingress"}), None)
    if entry is None:
        return "False", "RouteMissing", "the route is not there"
    for plugin in (child for child in result.live if child["kind"] == "KongPlugin"):
        programmed = condition_of(plugin, "Programmed")
        if programmed.get("status") == "False":
            said = programmed.get("message") or "no reason given"
            name = plugin["metadata"]["name"]
            return (
                "False",
                programmed.get("reason") or "PluginRefused",
                f"KongPlugin {name}: {said}",
            )
    return route_child(entry)


def route_child(entry: Manifest) -> Verdict:
    """Return whether what serves HTTPRoutes or Ingresses has taken this one as it is now."""
    if "deletionTimestamp" in entry["metadata"]:
        return "False", "RouteMissing", "the route is being deleted"
    if entry["kind"] == "Ingress":
        balancer = (entry.get("status") or {}).get("loadBalancer") or {}
        if balancer.get("ingress"):
            return "True", "IngressServed", "an ingress controller serves the Ingress"
        name = entry["spec"].get("ingressClassName")
        message = f"no ingress controller of class {name} has taken the Ingress yet; does it run?"
        return "False", "NotAccepted", message
    return _http_route(entry)


def _http_route(entry: Manifest) -> Verdict:
    """Return the verdict of the Gateways that the HTTPRoute names: each must have taken it.

    Source: Gateway API, "HTTPRoute", "RouteStatus"; Programmed is Kong's own addition.
    """
    waiting = "no Gateway has accepted the HTTPRoute yet; does it exist?"
    parents = list(_parents(entry))
    if not parents:
        return "False", "NotAccepted", waiting
    generation = entry["metadata"].get("generation")
    for conditions in parents:
        for kind, needed in (("Accepted", True), ("ResolvedRefs", True), ("Programmed", False)):
            said = conditions.get(kind)
            if said is None and not needed:
                continue
            if said is None or said.get("observedGeneration", generation) != generation:
                return (
                    "False",
                    "NotAccepted",
                    f"the Gateway has not said {kind} of this version yet",
                )
            if said["status"] != "True":
                reason = said.get("reason") or f"Not{kind}"
                return "False", reason, said.get("message") or f"the Gateway says {kind}=False"
    return "True", "Accepted", "the Gateway accepts the route and knows its Service"


def _parents(entry: Manifest) -> Iterator[Mapping[str, Mapping[str, Any]]]:
    """Yield the conditions by type of each parent that the route names and that answered."""
    named = {
        (reference["name"], reference.get("namespace", entry["metadata"]["namespace"]))
        for reference in entry["spec"].get("parentRefs") or ()
    }
    for parent in (entry.get("status") or {}).get("parents") or ():
        reference = parent["parentRef"]
        at = reference["name"], reference.get("namespace", entry["metadata"]["namespace"])
        if at in named:
            yield {said["type"]: said for said in parent.get("conditions") or ()}
