"""Writes the table of routes that a gateway reads, one ConfigMap a namespace."""

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import NotFoundError
from shop_operator.api.cache import Cache
from shop_operator.api.informer import Informer
from shop_operator.api.kinds import CONFIG_MAP
from shop_operator.api.write_gate import WriteGate
from shop_operator.apply.diff import differences
from shop_operator.children.route_table import route_table
from shop_operator.metadata import MANAGED_BY_LABEL, MANAGER
from shop_operator.settings import Settings
from shop_operator.spec import InvalidSpecError, ShopService, parse


class NotOwnedError(Exception):
    """A ConfigMap with the table's name exists and is not the operator's."""


class RouteTable:
    """The ConfigMap with the routes of one namespace."""

    def __init__(
        self,
        *,
        client: ApiClient,
        cache: Cache,
        gate: WriteGate,
        services: Informer,
        platform: Settings,
    ) -> None:
        self._client = client
        self._cache = cache
        self._gate = gate
        self._services = services
        self._platform = platform
        self._read: dict[str, tuple[int, ShopService | None]] = {}

    async def reconcile(self) -> None:
        """Apply the table if it differs from what the ShopServices declare.

        Raises ApiError, NotOwnedError, NotHolderError.
        """
        namespace, name = self._services.namespace, self._platform.route_table
        desired = route_table(self._routed(), namespace, self._platform)
        live = self._cache.get(CONFIG_MAP, namespace, name)
        if live is None:
            try:
                live = await self._client.get(CONFIG_MAP, namespace, name)
            except NotFoundError:
                live = None
            found = (live or {"metadata": {}})["metadata"].get("labels") or {}
            if live is not None and found.get(MANAGED_BY_LABEL) != MANAGER:
                raise NotOwnedError(f"ConfigMap {namespace}/{name} is not the operator's")
        if live is None or differences(desired, live):
            await self._gate.write(self._client.apply(desired))

    def _routed(self) -> list[ShopService]:
        """Return the services that have a route. Each version of a service is parsed once."""
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
            return None  # its own reconcile reports that
        return None if service is None or service.deleting or not service.spec.route else service
