"""Which ShopService has which path: the oldest that declares it, by the Gateway API's rule.

Source: Gateway API, "HTTPRoute", "Precedence": the oldest by creation timestamp wins, then the
first by `namespace/name`. A longer prefix is another path, and gets the requests that it matches.
Only at the edge a prefix may take away all that a gateway behind it serves: a conflict too.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from shop_operator.spec import Key, ShopService


@dataclass(frozen=True, slots=True)
class Claim:
    """The paths that a ShopService has, and those that another has, each with whose it is."""

    won: tuple[str, ...] = ()
    lost: tuple[tuple[str, Key], ...] = ()


@dataclass(frozen=True, slots=True)
class Claimant:
    """What a ShopService declares about its route; paths are without trailing slashes."""

    key: Key
    created: str
    host: str
    via: str
    paths: tuple[str, ...]
    is_gateway: bool


def claimant(service: ShopService, *, host: str) -> Claimant | None:
    """Return what a service claims; None without a route. `host` is that of routes without one."""
    route = service.spec.route
    if route is None or service.deleting:
        return None
    return Claimant(
        key=service.key,
        created=service.created,
        host=route.host or host,
        via=route.via,
        paths=route.paths,
        is_gateway=service.spec.route_table is not None,
    )


def covers(prefix: str, path: str) -> bool:
    """Return True if a request for the path matches the prefix, whole segments compared."""
    return path == prefix or path.startswith(prefix.rstrip("/") + "/")


def claims(claimants: Iterable[Claimant], *, shared_edge: bool) -> dict[Key, Claim]:
    """Return who has what.

    With `shared_edge` all namespaces meet at one edge; else each has an entry of its own.
    """
    claimants = sorted(claimants, key=lambda each: (each.created, *each.key))
    board = _Board(claimants, shared_edge=shared_edge)
    found = {}
    for each in claimants:
        holders = [(path, board.holder(each, path)) for path in each.paths]
        found[each.key] = Claim(
            won=tuple(path for path, holder in holders if holder is None),
            lost=tuple((path, holder) for path, holder in holders if holder is not None),
        )
        board.record(each, found[each.key].won)
    return found


@dataclass(frozen=True, slots=True)
class _Listener:
    """A host at the edge: the prefixes taken there, and what gateways behind it serve."""

    edge: dict[str, Key] = field(default_factory=dict)
    behind: list[tuple[str, Key]] = field(default_factory=list)


class _Board:
    def __init__(self, claimants: Iterable[Claimant], *, shared_edge: bool) -> None:
        self._shared_edge = shared_edge
        self._gateways: dict[str, Claimant] = {}
        for each in claimants:
            if each.is_gateway and each.via == "edge":
                self._gateways.setdefault(each.key.namespace, each)
        self._tables: dict[tuple[str, str], Key] = {}
        self._listeners: defaultdict[tuple[str, str], _Listener] = defaultdict(_Listener)

    def holder(self, of: Claimant, path: str) -> Key | None:
        """Return who has the path already, so that this claimant can't have it."""
        gateway = self._gateways.get(of.key.namespace)
        if of.via == "gateway":
            taken = self._tables.get((of.key.namespace, path))
            if taken is not None or gateway is None:
                return taken
            edge = self._listener(gateway).edge.items()
            return next((key for p, key in edge if self._cuts_off(p, key, path, gateway)), None)
        listener = self._listener(of)
        if path in listener.edge:
            return listener.edge[path]
        for served, key in listener.behind:
            behind = self._gateways[key.namespace]
            if self._cuts_off(path, of.key, served, behind):
                return key
        return None

    def record(self, of: Claimant, won: Iterable[str]) -> None:
        """Remember what a claimant has."""
        gateway = self._gateways.get(of.key.namespace)
        for path in won:
            if of.via == "edge":
                self._listener(of).edge[path] = of.key
                continue
            self._tables[of.key.namespace, path] = of.key
            if gateway is not None:
                self._listener(gateway).behind.append((path, of.key))

    def _listener(self, of: Claimant) -> _Listener:
        return self._listeners["" if self._shared_edge else of.key.namespace, of.host]

    @staticmethod
    def _cuts_off(prefix: str, whose: Key, served: str, gateway: Claimant) -> bool:
        """Return True if the edge sends what the gateway serves to the prefix's owner instead."""
        if whose == gateway.key or not covers(prefix, served):
            return False
        ways = [path for path in gateway.paths if covers(path, served)]
        return all(len(prefix.rstrip("/")) > len(way.rstrip("/")) for way in ways)
