"""Keeps the table of routes that a gateway follows."""

from shop_operator.api_errors import NotFoundError
from shop_operator.cache import Cache
from shop_operator.children.metadata import MANAGED_BY_LABEL, MANAGER
from shop_operator.children.route_table import route_table
from shop_operator.cluster import Cluster
from shop_operator.diff import differences
from shop_operator.informer import Informer
from shop_operator.kinds import CONFIG_MAP
from shop_operator.settings import Settings
from shop_operator.spec import InvalidSpecError, ShopService, parse


class NotOwnedError(Exception):
    """A ConfigMap of the table's name was made by somebody else."""


class RouteTable:
    """The ConfigMap with the routes of one namespace."""

    def __init__(
        self, cluster: Cluster, cache: Cache, services: Informer, platform: Settings
    ) -> None:
        self._cluster = cluster
        self._cache = cache
        self._services = services
        self._platform = platform
        self._read: dict[str, tuple[int, ShopService | None]] = {}

    async def keep(self) -> None:
        """Write the table when it is not as the ShopServices say.

        Raises ApiError, NotOwnedError, NotHolderError.
        """
        namespace, name = self._services.namespace, self._platform.route_table
        desired = route_table(self._routed(), namespace, self._platform)
        live = self._cache.get(CONFIG_MAP, namespace, name)
        if live is None:
            try:
                live = await self._cluster.get(CONFIG_MAP, namespace, name)
            except NotFoundError:
                live = None
            found = (live or {"metadata": {}})["metadata"].get("labels") or {}
            if live is not None and found.get(MANAGED_BY_LABEL) != MANAGER:
                raise NotOwnedError(f"ConfigMap {namespace}/{name} is not the operator's")
        if live is None or differences(desired, live):
            await self._cache.write(self._cluster.apply(desired))

    def _routed(self) -> list[ShopService]:
        """Return the services that have a route; each version of one is read once."""
        read: dict[str, tuple[int, ShopService | None]] = {}
        for name, version in self._services.versions():
            before = self._read.get(name)
            is_known = before is not None and before[0] == version
            read[name] = before if before and is_known else (version, self._routed_one(name))
        self._read = read
        return [service for _, service in read.values() if service is not None]

    def _routed_one(self, name: str) -> ShopService | None:
        body = self._services.get(name)
        try:
            service = None if body is None else parse(body)
        except InvalidSpecError:
            return None  # its own pass says so
        return None if service is None or service.deleting or not service.spec.route else service
