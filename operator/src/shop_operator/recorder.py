"""Records Kubernetes Events about ShopServices, as `kubectl describe` shows them.

An Event that repeats is counted up, not written again. Source: events.k8s.io/v1, "EventSeries".
"""

import contextlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError, NotFoundError
from shop_operator.api.kinds import EVENT
from shop_operator.api.write_gate import WriteGate
from shop_operator.metadata import API_VERSION, MANAGER, Manifest
from shop_operator.spec import ShopService

_log = structlog.get_logger()
_NOTE_BYTES = 1024
"""The API server counts bytes, and takes no longer note."""
_SERIES_SECONDS = 1800.0
"""An Event that did not repeat for so long begins a new series: Events are kept for an hour."""
_SERIES_KEPT = 1000


@dataclass(slots=True)
class _Series:
    name: str
    count: int
    last: float


class EventRecorder:
    """Creates Events. One that the API server does not take is logged and not retried."""

    def __init__(self, client: ApiClient, gate: WriteGate, *, identity: str) -> None:
        self._client = client
        self._gate = gate
        self._identity = identity
        self._series: dict[tuple[str, str, str, str], _Series] = {}

    async def record(
        self, service: ShopService, reason: str, note: str, *, warning: bool = False
    ) -> None:
        """Create an Event, or count one up that says the same. Raises NotHolderError."""
        regarding = {
            "apiVersion": API_VERSION,
            "kind": "ShopService",
            "namespace": service.namespace,
            "name": service.name,
            "uid": service.uid,
        }
        await self.record_about(regarding, reason, note, warning=warning)

    async def record_about(
        self, regarding: Manifest, reason: str, note: str, *, warning: bool = False
    ) -> None:
        """Do the same about any object in a namespace. Raises NotHolderError."""
        about = f"{regarding['namespace']}/{regarding['name']}"
        # Of one that is made anew under that name `kubectl describe` shows no Event of the former.
        identity = (about, str(regarding.get("uid", "")), reason, note)
        series = self._series.pop(identity, None)
        try:
            if series is None or time.monotonic() - series.last > _SERIES_SECONDS:
                series = await self._create(regarding, reason, note, warning=warning)
            else:
                series = await self._count_up(series, regarding["namespace"])
        except ApiError as error:
            _log.warning("event not recorded", key=about, reason=reason, error=str(error))
            return
        self._series[identity] = series
        if len(self._series) > _SERIES_KEPT:
            del self._series[next(iter(self._series))]

    async def _create(
        self, regarding: Manifest, reason: str, note: str, *, warning: bool
    ) -> _Series:
        namespace = regarding["namespace"]
        event: Manifest = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"generateName": f"{regarding['name']}-", "namespace": namespace},
            "eventTime": _now(),
            "reportingController": f"minishop.dev/{MANAGER}",
            "reportingInstance": self._identity[:128],
            "action": "Reconcile",
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "note": note.encode()[:_NOTE_BYTES].decode(errors="ignore"),
            "regarding": regarding,
        }
        made = await self._gate.write(self._client.create(EVENT, namespace, event))
        return _Series(made["metadata"]["name"], 1, time.monotonic())

    async def _count_up(self, series: _Series, namespace: str) -> _Series:
        count = series.count + 1
        patch = {"series": {"count": count, "lastObservedTime": _now()}}
        with contextlib.suppress(NotFoundError):  # deleted early: the rest of the series is silent
            await self._gate.write(self._client.merge(EVENT, namespace, series.name, patch))
        return _Series(series.name, count, time.monotonic())


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
