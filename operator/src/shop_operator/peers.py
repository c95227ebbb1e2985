"""Which peers that a ShopService may call are not there, or would not let it in.

A peer is a ShopService, or pods of anybody's with its name in their label. Pods that are no
ShopService's are not watched, so they are looked for, at most once in PEERS_SECONDS a service.

That `network.ingressFrom` names what is not there is no news: it is leave for callers that may
come later, and nothing of the service waits for them. A name that is wrong there shuts out a
caller that is there, which is told to that caller.
"""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from shop_operator.api.api_client import ApiClient
from shop_operator.api.cache import Cache
from shop_operator.api.kinds import POD
from shop_operator.children.network_policy import lets_in
from shop_operator.metadata import NAME_LABEL
from shop_operator.parsed_services import ParsedServices
from shop_operator.settings import Settings
from shop_operator.spec import Key, ShopService

PEERS_SECONDS: Final = 60.0
"""How often to look whether pods of a peer have come."""
_LABEL_VALUE: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class FoundPeers:
    """What is wrong with the peers of a service."""

    absent: list[str] = field(default_factory=list)
    """Those of which there is neither a ShopService nor a pod."""
    closed: list[str] = field(default_factory=list)
    """ShopServices that do not let it in."""
    recheck: float | None = None
    """Seconds after which to look for pods again; None if none are missing."""


@dataclass(frozen=True, slots=True)
class _Look:
    """Which names had no pods, and when."""

    strangers: tuple[str, ...]
    absent: list[str]
    at: float


class Peers:
    """Looks at the peers in `network.egressTo`, and remembers what each service was told."""

    def __init__(
        self, client: ApiClient, cache: Cache, services: ParsedServices, platform: Settings
    ) -> None:
        self._client = client
        self._cache = cache
        self._services = services
        self._platform = platform
        self._told: dict[Key, tuple[list[str], list[str]]] = {}
        """Of each service with peers: those that were no ShopService, and those closed to it."""
        self._looks: dict[Key, _Look] = {}

    async def look(self, service: ShopService) -> FoundPeers:
        """Return what is wrong with a service's peers. Raises ApiError."""
        self._services.refresh()
        self._told.pop(service.key, None)
        if not service.spec.network.egress_to:
            return FoundPeers()
        strangers, closed = self._told[service.key] = self._judge(service)
        if not strangers or self._cache.unreadable(POD, service.namespace) is not None:
            return FoundPeers(closed=closed)
        look = self._looks.get(service.key)
        now = time.monotonic()
        if look is None or look.strangers != tuple(strangers) or now - look.at >= PEERS_SECONDS:
            absent = await self._without_pods(service.namespace, strangers)
            look = self._looks[service.key] = _Look(tuple(strangers), absent, now)
        recheck = look.at + PEERS_SECONDS - now if look.absent else None
        return FoundPeers(absent=look.absent, closed=closed, recheck=recheck)

    def outdated(self, namespace: str) -> list[Key]:
        """Return the services whose peers became or are no ShopServices, or open or close now."""
        self._services.refresh()
        found = []
        for key in [key for key in self._told if key.namespace == namespace]:
            service = self._services.get(key)
            if service is None:
                del self._told[key]
                self._looks.pop(key, None)
            elif self._judge(service) != self._told[key]:
                found.append(key)
        return found

    def _judge(self, service: ShopService) -> tuple[list[str], list[str]]:
        """Return the peers that are no ShopService, and those that do not let the service in."""
        strangers, closed = [], []
        for name in service.spec.network.egress_to:
            peer = self._services.get(Key(service.namespace, name))
            if peer is None:
                strangers.append(name)
            elif not lets_in(peer, service, self._platform):
                closed.append(name)
        return strangers, closed

    async def _without_pods(self, namespace: str, names: Iterable[str]) -> list[str]:
        # What is stored may be older than the schema that refuses other names.
        labels = ",".join(name for name in names if _LABEL_VALUE.fullmatch(name))
        if not labels:
            return list(names)
        wanted = f"{NAME_LABEL} in ({labels})"
        pods = await self._client.list(POD, namespace, labels=wanted)
        there = {pod["metadata"]["labels"][NAME_LABEL] for pod in pods["items"]}
        return [name for name in names if name not in there]
