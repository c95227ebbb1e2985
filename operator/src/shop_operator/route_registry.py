"""What is known about the routes of all ShopServices, read from the informers at each question."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from shop_operator.api.cache import Cache
from shop_operator.api.informer import Informer
from shop_operator.api.kinds import CONFIG_MAP, ENTRY_LABEL, ENTRY_SERVICE
from shop_operator.children.route_table import ROUTES_KEY, route_table, table_entry
from shop_operator.conditions.route import GatewayState, RouteView
from shop_operator.metadata import Manifest, labels
from shop_operator.route_claims import Claim, Claimant, claimant, claims, covers
from shop_operator.settings import Settings
from shop_operator.spec import InvalidSpecError, Key, ShopService, parse

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class RouteRegistry:
    """Decides who has which path, and says whether the way to a service exists."""

    def __init__(
        self, *, services: Mapping[str, Informer], cache: Cache, platform: Settings
    ) -> None:
        self._services = services
        self._cache = cache
        self._platform = platform
        self._parsed: dict[str, dict[str, tuple[int, ShopService | None]]] = {}
        self._claimants: list[Claimant] = []
        self._claims: dict[Key, Claim] = {}
        self._published: dict[str, tuple[str, list[Any]]] = {}
        self._told: dict[Key, RouteView] = {}

    def view(self, service: ShopService) -> RouteView | None:
        """Return what a reconcile needs to know about a service's route; None without one."""
        self._refresh()
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
        _, service = self._parsed.get(key.namespace, {}).get(key.name, (0, None))
        return service is not None and service.spec.route_table is not None

    def table(self, namespace: str) -> Manifest:
        """Return the route table of a namespace as it is to be."""
        self._refresh()
        return route_table(
            map(self.with_won_paths, self._routed(namespace)), namespace, self._platform
        )

    def outdated(self, namespace: str) -> list[Key]:
        """Return the services whose last reconcile was told something else than what is so now."""
        self._refresh()
        routed = {service.key: service for service in self._routed(namespace)}
        for key in [key for key in self._told if key.namespace == namespace and key not in routed]:
            del self._told[key]
        return [
            key
            for key, service in routed.items()
            if key in self._told and self._told[key] != self._view(service)
        ]

    def _view(self, service: ShopService) -> RouteView | None:
        route = service.spec.route
        if route is None:
            return None
        claim = self._claim(service)
        if route.via == "gateway":
            return RouteView(
                claim=claim,
                in_table=self._is_published(service, claim),
                gateway=self._gateway(service, claim),
            )
        return RouteView(claim=claim, entry=self._entry(service))

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
        """Parse what changed since the last question; each version of a service is parsed once."""
        changed = self._parsed.keys() != self._services.keys()
        found: dict[str, dict[str, tuple[int, ShopService | None]]] = {}
        for namespace, informer in self._services.items():
            before, now = self._parsed.get(namespace, {}), {}
            for name, version in informer.versions():
                known = before.get(name)
                if known is None or known[0] != version:
                    known, changed = (version, _read(informer, name)), True
                now[name] = known
            changed = changed or now.keys() != before.keys()
            found[namespace] = now
        if not changed:
            return
        self._parsed = found
        services = [s for each in found.values() for _, s in each.values() if s is not None]
        claimed = [claimant(service, host=self._platform.route_host) for service in services]
        claimants = [each for each in claimed if each is not None]
        if claimants != self._claimants:
            self._claimants = claimants
            self._claims = claims(claimants, shared_edge=self._platform.edge != "none")

    def _routed(self, namespace: str) -> list[ShopService]:
        found = self._parsed.get(namespace, {}).values()
        return [s for _, s in found if s is not None and s.spec.route and not s.deleting]

    def _is_published(self, service: ShopService, claim: Claim) -> bool:
        """Return True if the live table has the service as it is declared."""
        namespace = service.namespace
        live = self._cache.get(CONFIG_MAP, namespace, self._platform.route_table)
        text = ((live or {}).get("data") or {}).get(ROUTES_KEY, "[]")
        known = self._published.get(namespace)
        if known is None or known[0] != text:
            try:
                entries = orjson.loads(text)
            except orjson.JSONDecodeError:
                entries = []  # changed by another hand, and about to be put right
            known = self._published[namespace] = text, entries
        return bool(claim.won) and table_entry(self.with_won_paths(service)) in known[1]

    def _gateway(self, service: ShopService, claim: Claim) -> GatewayState | None:
        """Return the gateway of the service's namespace: one that serves, if there are several."""
        gateways = [
            self._gateway_state(each, claim)
            for _, each in self._parsed.get(service.namespace, {}).values()
            if each is not None
            and each.spec.route_table is not None
            and not each.deleting
            and each.key != service.key
        ]
        best = sorted(gateways, key=lambda g: (g.serves, g.reachable, g.covers), reverse=True)
        return best[0] if best else None

    def _gateway_state(self, gateway: ShopService, claim: Claim) -> GatewayState:
        conditions = {c["type"]: c for c in gateway.status.get("conditions") or ()}
        route, url = gateway.spec.route, gateway.status.get("url")
        way_in = conditions.get("RouteReady", {}).get("status") == "True"
        ways = () if route is None else route.paths
        return GatewayState(
            key=gateway.key,
            serves=bool(gateway.status.get("readyReplicas")),
            reachable=route is None or way_in,
            base=_base(url) if url else None,
            covers=route is None or all(any(covers(w, path) for w in ways) for path in claim.won),
        )

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


def _read(informer: Informer, name: str) -> ShopService | None:
    body = informer.get(name)
    try:
        return None if body is None else parse(body)
    except InvalidSpecError:
        return None  # its own reconcile reports that


def _base(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _url(scheme: str, host: str, port: int) -> str:
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" + ("" if port == _DEFAULT_PORTS[scheme] else f":{port}")
