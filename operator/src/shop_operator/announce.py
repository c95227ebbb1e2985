"""Kubernetes events: what a person sees under `kubectl describe`."""

from datetime import UTC, datetime

import structlog

from shop_operator.api_errors import ApiError
from shop_operator.cache import Cache
from shop_operator.children.metadata import API_VERSION, MANAGER, Manifest
from shop_operator.cluster import Cluster
from shop_operator.kinds import EVENT
from shop_operator.spec import ShopService

_log = structlog.get_logger()
_NOTE_LENGTH = 1000


class Announcer:
    """Posts events about ShopServices. An event that can't be posted is logged, never retried."""

    def __init__(self, cluster: Cluster, cache: Cache, *, identity: str) -> None:
        self._cluster = cluster
        self._cache = cache
        self._identity = identity

    async def say(
        self, service: ShopService, reason: str, note: str, *, warning: bool = False
    ) -> None:
        """Post one event."""
        event: Manifest = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"generateName": f"{service.name}-", "namespace": service.namespace},
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": f"minishop.dev/{MANAGER}",
            "reportingInstance": self._identity[:128],
            "action": "Reconcile",
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "note": note[:_NOTE_LENGTH],
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": "ShopService",
                "namespace": service.namespace,
                "name": service.name,
                "uid": service.uid,
            },
        }
        try:
            await self._cache.write(self._cluster.create(EVENT, service.namespace, event))
        except ApiError as error:
            _log.warning("event not posted", key=str(service.key), reason=reason, error=str(error))
