"""Which peers that a ShopService may call are not there.

A peer is a ShopService, or pods of anybody's with its name in their label. Pods that are no
ShopService's are not watched, so they are looked for.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from shop_operator.api.api_client import ApiClient
from shop_operator.api.cache import Cache
from shop_operator.api.informer import Informer
from shop_operator.api.kinds import POD
from shop_operator.metadata import NAME_LABEL
from shop_operator.spec import Key, ShopService

PEERS_SECONDS: Final = 60.0
"""How often to look whether pods of a peer have come."""
_LABEL_VALUE: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")


class Peers:
    """Looks for the peers in `network.egressTo`, and remembers what each service was told."""

    def __init__(self, client: ApiClient, cache: Cache, services: Mapping[str, Informer]) -> None:
        self._client = client
        self._cache = cache
        self._services = services
        self._told: dict[Key, tuple[tuple[str, ...], list[str]]] = {}
        """The peers of each service, and those that were no ShopService at its last reconcile."""

    async def absent(self, service: ShopService) -> list[str]:
        """Return the peers of which there is neither a ShopService nor a pod. Raises ApiError."""
        peers = service.spec.network.egress_to
        strangers = self._strangers(service.namespace, peers)
        self._told.pop(service.key, None)
        if peers:
            self._told[service.key] = peers, strangers
        if not strangers or self._cache.unreadable(POD, service.namespace) is not None:
            return []
        names = ",".join(name for name in strangers if _LABEL_VALUE.fullmatch(name))
        if not names:
            return strangers
        wanted = f"{NAME_LABEL} in ({names})"
        pods = await self._client.list(POD, service.namespace, labels=wanted)
        there = {pod["metadata"]["labels"][NAME_LABEL] for pod in pods["items"]}
        return [name for name in strangers if name not in there]

    def outdated(self, namespace: str) -> list[Key]:
        """Return the services of which a peer has become a ShopService, or is none any more."""
        informer = self._services.get(namespace)
        for key in [key for key in self._told if key.namespace == namespace]:
            if informer is None or informer.get(key.name) is None:
                del self._told[key]
        return [
            key
            for key, (peers, strangers) in self._told.items()
            if key.namespace == namespace and self._strangers(namespace, peers) != strangers
        ]

    def _strangers(self, namespace: str, peers: Iterable[str]) -> list[str]:
        informer = self._services.get(namespace)
        return [name for name in peers if informer is None or informer.get(name) is None]
