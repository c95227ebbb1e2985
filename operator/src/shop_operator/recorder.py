"""Records Kubernetes Events about ShopServices, as `kubectl describe` shows them."""

from datetime import UTC, datetime

import structlog

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError
from shop_operator.api.kinds import EVENT
from shop_operator.api.write_gate import WriteGate
from shop_operator.metadata import API_VERSION, MANAGER, Manifest
from shop_operator.spec import ShopService

_log = structlog.get_logger()
_NOTE_LENGTH = 1000


class EventRecorder:
    """Creates Events. One that the API server does not take is logged and not retried."""

    def __init__(self, client: ApiClient, gate: WriteGate, *, identity: str) -> None:
        self._client = client
        self._gate = gate
        self._identity = identity

    async def record(
        self, service: ShopService, reason: str, note: str, *, warning: bool = False
    ) -> None:
        """Create one Event. Raises NotHolderError."""
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
            await self._gate.write(self._client.create(EVENT, service.namespace, event))
        except ApiError as error:
            _log.warning(
                "event not recorded", key=str(service.key), reason=reason, error=str(error)
            )
