"""Writes the table of routes that gateways read, one ConfigMap a namespace, and sees it served."""

from datetime import UTC, datetime
from typing import Final

import structlog

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError, NotFoundError
from shop_operator.api.cache import Cache
from shop_operator.api.kinds import CONFIG_MAP, POD
from shop_operator.api.write_gate import WriteGate
from shop_operator.apply.diff import differences
from shop_operator.gateway_reports import GatewayReports
from shop_operator.metadata import MANAGED_BY_LABEL, MANAGER
from shop_operator.route_registry import RouteRegistry
from shop_operator.spec import Key

_HASTENED: Final = "minishop.dev/route-table-changed"
"""On a gateway's pod. The kubelet looks at once after a pod that changed, its volumes too."""
_PORTS_SECONDS: Final = 2.0
"""How often to look whether the pods with a former port are gone."""
_log = structlog.get_logger()


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
        reports: GatewayReports,
    ) -> None:
        self._reports = reports
        self._client = client
        self._cache = cache
        self._gate = gate
        self._registry = registry

    async def reconcile(self, namespace: str) -> tuple[list[Key], float | None]:
        """Apply a namespace's table if it differs from what the ShopServices declare.

        Return the services that must be looked at again, as their way in has changed, and the
        seconds after which to ask the gateways again; None if they serve the table.
        Raises ApiError, NotOwnedError, NotHolderError.
        """
        written = await self._write(namespace)
        again = await self._see_served(namespace, written=written)
        if again is None and self._registry.changes_a_port(namespace):
            again = _PORTS_SECONDS
        return self._registry.outdated(namespace), again

    async def _write(self, namespace: str) -> bool:
        """Write the table if it differs; return True if it did."""
        desired = self._registry.table(namespace)
        name = desired["metadata"]["name"]
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
            return True
        return False

    async def _see_served(self, namespace: str, *, written: bool) -> float | None:
        """Ask the gateways what they serve, and hasten those pods that serve an older table."""
        gateways = self._registry.gateways(namespace)
        self._reports.forget_others(namespace, {gateway.key for gateway in gateways})
        if not gateways:
            return None
        wanted = self._registry.wanted(namespace)
        waits = []
        for gateway in gateways:
            waits.append(await self._reports.refresh(gateway, wanted, changed=written))
            for pod in self._reports.to_hasten(gateway.key, wanted):
                await self._hasten(namespace, pod)
        return min((wait for wait in waits if wait is not None), default=None)

    async def _hasten(self, namespace: str, pod: str) -> None:
        """Have the kubelet bring the new table to a pod now; else it comes within 90 s."""
        annotations = {_HASTENED: datetime.now(UTC).isoformat()}
        patch = {"metadata": {"annotations": annotations}}
        try:
            await self._gate.write(self._client.merge(POD, namespace, pod, patch))
        except NotFoundError:
            return  # it is no more
        except ApiError as error:
            _log.warning("gateway not hastened", namespace=namespace, pod=pod, error=str(error))
