"""Keeps the table of routes that a gateway follows."""

from shop_operator.cache import Cache
from shop_operator.children.metadata import MANAGED_BY_LABEL, MANAGER
from shop_operator.children.route_table import route_table
from shop_operator.cluster import Cluster, NotFoundError
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
        found = []
        for key in self._services.owners():
            body = self._services.get(key.name)
            try:
                service = None if body is None else parse(body)
            except InvalidSpecError:
                continue  # its own pass says so
            if service is not None and not service.deleting:
                found.append(service)
        return found
