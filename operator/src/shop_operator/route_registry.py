"""What is known about the routes of all ShopServices, as of each question."""

from typing import Final
from urllib.parse import urlsplit

from shop_operator.api.cache import Cache
from shop_operator.api.kinds import CONFIG_MAP, DEPLOYMENT, ENTRY_LABEL, ENTRY_SERVICE
from shop_operator.children.route_table import (
    ROUTES_KEY,
    entries_in,
    is_by_service,
    is_listed,
    route_table,
    table_entry,
)
from shop_operator.conditions.route import GatewayState, RouteView
from shop_operator.conditions.workload import all_listen_at
from shop_operator.gateway_report import Report, Wanted
from shop_operator.gateway_reports import GatewayReports
from shop_operator.metadata import Manifest, labels
from shop_operator.parsed_services import ParsedServices
from shop_operator.route_claims import Claim, Claimant, claimant, claims, covers
from shop_operator.settings import Settings
from shop_operator.spec import Key, ShopService

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class RouteRegistry:
    """Decides who has which path, and says whether the way to a service exists."""

    def __init__(
        self,
        *,
        services: ParsedServices,
        cache: Cache,
        platform: Settings,
        reports: GatewayReports,
    ) -> None:
        self._services = services
        self._reports = reports
        self._gateways: dict[str, list[ShopService]] = {}
        self._cache = cache
        self._platform = platform
        self._changes = -1
        self._decided = -1
        self._claimants: list[Claimant] = []
        self._claims: dict[Key, Claim] = {}
        self._published: dict[str, tuple[str, dict[str, Manifest]]] = {}
        self._told: dict[Key, RouteView] = {}

    def view(self, service: ShopService) -> RouteView | None:
        """Return what a reconcile needs to know about a service's way in; None without one."""
        self._refresh()
        if self._gateways.get(service.namespace) and not self._reports.ready_addresses(service.key):
            self._reports.forget_addresses(service.key)
        found = self._view(service)
        if found is None:
            self._told.pop(service.key, None)
        else:
            self._told[service.key] = found
        return found

    def with_won_paths(self, service: ShopService) -> ShopService:
        """Return the service with only those paths that no other has: as it is rendered."""
        route = service.spec.route
        if route is None:
            return service
        self._refresh()
        won = self._claim(service).won
        route = route.model_copy(update={"paths": won})
        return service.model_copy(update={"spec": service.spec.model_copy(update={"route": route})})

    def is_gateway(self, key: Key) -> bool:
        """Return True for a service that others are reached through."""
        service = self._services.get(key)
        return service is not None and service.spec.route_table is not None

    def awaits_gateway(self, key: Key) -> bool:
        """Return True if the service's last reconcile was told that a gateway does not serve it."""
        told = self._told.get(key)
        if told is None:
            return False
        return bool(told.withdrawn or (told.gateway is not None and told.gateway.unserved))

    def gateways(self, namespace: str) -> list[ShopService]:
        """Return the gateways of a namespace."""
        self._refresh()
        return self._gateways.get(namespace, [])

    def wanted(self, namespace: str) -> Wanted:
        """Return what the gateways of a namespace are to serve."""
        live = self._live_entries(namespace)
        table = {name: entry["version"] for name, entry in live.items()}
        ready = {name: self._reports.ready_addresses(Key(namespace, name)) for name in table}
        return Wanted(table, ready)

    def table(self, namespace: str) -> Manifest:
        """Return the route table of a namespace as it is to be."""
        self._refresh()
        services = map(self.with_won_paths, self._routed(namespace))
        entries = [self._table_entry(service) for service in services if is_listed(service)]
        return route_table(entries, namespace, self._platform)

    def changes_a_port(self, namespace: str) -> bool:
        """Return True while the live table has a service of which pods have different ports."""
        return any(map(is_by_service, self._live_entries(namespace).values()))

    def _table_entry(self, service: ShopService) -> Manifest:
        """Return the entry of a service with the paths that it has won.

        While pods with another port make way, only the Service knows which pod has which.
        """
        before = self._live_entries(service.namespace).get(service.name)
        port = service.spec.port
        changes = before is not None and (before["port"] != port or is_by_service(before))
        pods = self._cache.get(DEPLOYMENT, service.namespace, service.name)
        by_service = changes and pods is not None and not all_listen_at(pods, port)
        return table_entry(service, by_service=by_service)

    def outdated(self, namespace: str) -> list[Key]:
        """Return the services whose last reconcile was told something else than what is so now."""
        self._refresh()
        known = {s.key: s for s in self._read(namespace) if s.spec.route or s.key in self._told}
        for key in [key for key in self._told if key.namespace == namespace and key not in known]:
            del self._told[key]
        return [
            key
            for key, service in known.items()
            if key in self._told and self._told[key] != self._view(service)
        ]

    def _view(self, service: ShopService) -> RouteView | None:
        route = service.spec.route
        claim = Claim() if route is None else self._claim(service)
        if route is not None and route.via == "gateway":
            return RouteView(
                claim=claim,
                in_table=self._is_published(service, claim),
                gateway=self._gateway(service, claim),
            )
        withdrawn = self._withdrawn(service)
        if route is None:
            return RouteView(claim=claim, withdrawn=withdrawn) if withdrawn else None
        return RouteView(claim=claim, entry=self._entry(service), withdrawn=withdrawn)

    def _claim(self, service: ShopService) -> Claim:
        found = self._claims.get(service.key)
        if found is not None:
            return found
        # Not in the informer: on its way out, or a file that is only planned.
        own = claimant(service, host=self._platform.route_host)
        others = [each for each in self._claimants if each.key != service.key]
        mine = [own] if own is not None else []
        everybody = claims([*others, *mine], shared_edge=self._platform.edge != "none")
        return everybody.get(service.key, Claim())

    def _refresh(self) -> None:
        """Decide anew who has which path, if something changed since the last question."""
        self._services.refresh()
        if self._services.changes == self._changes:
            return
        self._changes = self._services.changes
        namespaces = self._services.namespaces()
        self._gateways = {
            namespace: [s for s in self._read(namespace) if s.spec.route_table is not None]
            for namespace in namespaces
        }
        if self._services.declarations == self._decided:
            return
        self._decided = self._services.declarations
        host = self._platform.route_host
        services = [s for namespace in namespaces for s in self._services.of(namespace)]
        claimed = [claimant(service, host=host) for service in services]
        self._claimants = [each for each in claimed if each is not None]
        self._claims = claims(self._claimants, shared_edge=self._platform.edge != "none")

    def _read(self, namespace: str) -> list[ShopService]:
        """Return the services of a namespace that can be read and stay."""
        return [service for service in self._services.of(namespace) if not service.deleting]

    def _routed(self, namespace: str) -> list[ShopService]:
        return [service for service in self._read(namespace) if service.spec.route]

    def _is_published(self, service: ShopService, claim: Claim) -> bool:
        """Return True if the live table has the service as it is declared."""
        live = self._live_entries(service.namespace).get(service.name)
        return bool(claim.won) and self._table_entry(self.with_won_paths(service)) == live

    def _live_entries(self, namespace: str) -> dict[str, Manifest]:
        """Return what the live table of a namespace has, by service; {} while it can't be read."""
        live = self._cache.get(CONFIG_MAP, namespace, self._platform.route_table)
        text = ((live or {}).get("data") or {}).get(ROUTES_KEY, "[]")
        known = self._published.get(namespace)
        if known is None or known[0] != text:
            entries = {str(entry["service"]): entry for entry in entries_in(text)}
            known = self._published[namespace] = text, entries
        return known[1]

    def _gateway(self, service: ShopService, claim: Claim) -> GatewayState | None:
        """Return the gateway of the service's namespace: one that serves, if there are several."""
        gateways = [
            self._gateway_state(each, service, claim)
            for each in self._gateways.get(service.namespace, ())
            if each.key != service.key
        ]
        best = sorted(
            gateways, key=lambda g: (g.serves, g.reachable, g.covers, not g.unserved), reverse=True
        )
        return best[0] if best else None

    def _gateway_state(
        self, gateway: ShopService, service: ShopService, claim: Claim
    ) -> GatewayState:
        table = gateway.spec.route_table
        tells = table is not None and table.status_path is not None
        conditions = {c["type"]: c for c in gateway.status.get("conditions") or ()}
        route, url = gateway.spec.route, gateway.status.get("url")
        way_in = conditions.get("RouteReady", {}).get("status") == "True"
        ways = () if route is None else route.paths
        return GatewayState(
            key=gateway.key,
            serves=bool(gateway.status.get("readyReplicas")),
            reachable=route is None or way_in,
            base=_base(url) if url else None,
            unserved=self._unserved(gateway, service) if tells else "",
            tells=tells,
            covers=route is None or all(any(covers(w, path) for w in ways) for path in claim.won),
        )

    def _unserved(self, gateway: ShopService, service: ShopService) -> str:
        """Return why requests do not reach a service through each pod of a gateway; "" if they do.

        A pod that has not answered yet changes nothing for a route that was ready before: gateways
        are rolled out, and the operator restarted, without a way in having gone.
        """
        version = self._table_entry(self.with_won_paths(service))["version"]
        addresses = self._reports.ready_addresses(service.key)
        reports = self._reports.of(gateway.key)
        silent = "" if reports else f"no pod of the gateway {gateway.name} has been asked yet"
        for report in reports:
            pod = f"pod {report.pod} of the gateway {gateway.name}"
            if report.routes is None:
                silent = f"{pod} has not said yet what it serves: {report.error}"
            elif report.version(service.name) != version:
                return f"{pod} serves an older route table"
            elif not report.reaches(service.name, addresses):
                return f"{pod} does not know the service's pods yet"
        return "" if _was_ready(service) else silent

    def _withdrawn(self, service: ShopService) -> str:
        """Return which pod still serves a service that asks for no way via the gateway."""
        found: list[Report] = [
            report
            for gateway in self._gateways.get(service.namespace, ())
            for report in self._reports.of(gateway.key)
            if report.version(service.name) is not None
        ]
        return f"pod {found[0].pod} still serves the former route" if found else ""

    def _entry(self, service: ShopService) -> str | None:
        """Return the base URL of the Service that others keep as this service's entry."""
        if self._platform.edge != "none":
            return None
        for entry in self._cache.unowned(ENTRY_SERVICE, service.namespace):
            metadata, spec = entry["metadata"], entry["spec"]
            mine = metadata["labels"].get(ENTRY_LABEL) == service.name
            pods = labels(service) | self._platform.gateway_pod_labels
            selects = spec.get("selector") and spec["selector"].items() <= pods.items()
            if mine and selects and "deletionTimestamp" not in metadata:
                return self._entry_url(service, entry)
        return None

    def _entry_url(self, service: ShopService, entry: Manifest) -> str | None:
        spec, scheme = entry["spec"], self._platform.route_scheme
        first = spec["ports"][0]
        host = (service.spec.route and service.spec.route.host) or self._platform.route_host
        if spec["type"] == "NodePort" and first.get("nodePort"):
            return _url(scheme, host, first["nodePort"])
        balancer = (entry.get("status") or {}).get("loadBalancer") or {}
        for ingress in balancer.get("ingress") or ():
            return _url(scheme, ingress.get("hostname") or ingress["ip"], first["port"])
        return None


def _was_ready(service: ShopService) -> bool:
    conditions = {c["type"]: c for c in service.status.get("conditions") or ()}
    said = conditions.get("RouteReady", {})
    return (said.get("status"), said.get("observedGeneration")) == ("True", service.generation)


def _base(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _url(scheme: str, host: str, port: int) -> str:
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" + ("" if port == _DEFAULT_PORTS[scheme] else f":{port}")
