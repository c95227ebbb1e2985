"""Writes the table of routes that a gateway reads, one ConfigMap a namespace."""

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import NotFoundError
from shop_operator.api.cache import Cache
from shop_operator.api.kinds import CONFIG_MAP
from shop_operator.api.write_gate import WriteGate
from shop_operator.apply.diff import differences
from shop_operator.metadata import MANAGED_BY_LABEL, MANAGER
from shop_operator.route_registry import RouteRegistry
from shop_operator.spec import Key


class NotOwnedError(Exception):
    """A ConfigMap with the table's name exists and is not the operator's."""


class RouteTable:
    """The ConfigMaps with the routes, one a namespace."""

    def __init__(
        self,
        *,
        client: ApiClient,
        cache: Cache,
        gate: WriteGate,
        registry: RouteRegistry,
        name: str,
    ) -> None:
        self._client = client
        self._cache = cache
        self._gate = gate
        self._registry = registry
        self._name = name

    async def reconcile(self, namespace: str) -> list[Key]:
        """Apply a namespace's table if it differs from what the ShopServices declare.

        Return the services that must be looked at again, as their way in has changed.
        Raises ApiError, NotOwnedError, NotHolderError.
        """
        name = self._name
        desired = self._registry.table(namespace)
        live = self._cache.get(CONFIG_MAP, namespace, name)
        if live is None:
            try:
                live = await self._client.get(CONFIG_MAP, namespace, name)
            except NotFoundError:
                live = None
            found = (live or {"metadata": {}})["metadata"].get("labels") or {}
            if live is not None and found.get(MANAGED_BY_LABEL) != MANAGER:
                raise NotOwnedError(f"ConfigMap {namespace}/{name} is not the operator's")
        if live is None or differences(desired, live, self._cache.schema(CONFIG_MAP)):
            await self._gate.write(self._client.apply(desired))
        return self._registry.outdated(namespace)
