"""Change data capture that was lost by other hands: what is missing, and how Debezium resumes.

Debezium looks for its slot when its task starts. Without the slot it reads the whole outbox again
and makes a new one (ADR 0031), so a lost slot is healed by a restart of the task. A publication
that is made anew is unknown to an old slot: PostgreSQL decodes with the catalog of the time of each
change. So the slot goes with the lost publication.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from shop_operator.api.api_errors import NotFoundError
from shop_operator.api.kinds import KAFKA_CONNECTOR
from shop_operator.metadata import Manifest
from shop_operator.stores.errors import StoreError
from shop_operator.stores.external import External, Found, Identity
from shop_operator.stores.postgres.capture import Publication, ReplicationSlot
from shop_operator.stores.sessions import Sessions

_FIRST_SLOT_SECONDS: Final = 20.0
"""How long after Strimzi reports a connector as ready Debezium may take to make its first slot."""
_IDLE_SECONDS: Final = 15.0
"""How long a slot may be without a reader: a restarted task takes seconds to connect again."""
_RESTART_SECONDS: Final = 30.0
"""Time between two restarts of one connector."""
_RESTART: Final = {"strimzi.io/restart-task": "0"}


class CaptureWatch:
    """Remembers which slots were seen and when connectors were restarted."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._restarted: dict[str, float] = {}
        self._idle: dict[str, float] = {}

    def __len__(self) -> int:
        """Count the slots that were seen."""
        return len(self._seen)

    def missing(
        self,
        declared: Sequence[External],
        found: Mapping[Identity, Found | StoreError | None],
        connector: Manifest,
    ) -> StoreError | None:
        """Return what was lost since the connector was made, or None."""
        lost = None
        for external in declared:
            live = found[external.record.identity]
            if isinstance(external, ReplicationSlot) and isinstance(live, Found):
                self._seen.add(external.name)
            elif live is None:
                lost = lost or self._lost(external, connector)
        return lost

    async def resume(self, sessions: Sessions, connector: Manifest) -> None:
        """Restart Debezium's task, not more often than every 30 s. Raises ApiError."""
        now, name = time.monotonic(), connector["metadata"]["name"]
        if now - self._restarted.get(name, float("-inf")) < _RESTART_SECONDS:
            return
        self._restarted[name] = now
        namespace = connector["metadata"]["namespace"]
        patch = {"metadata": {"annotations": _RESTART}}
        request = sessions.resources.client.merge(KAFKA_CONNECTOR, namespace, name, patch)
        try:
            await sessions.resources.gate.write(request)
        except NotFoundError:
            return

    def idle(self, slot: ReplicationSlot, live: Found | StoreError | None) -> StoreError | None:
        """Return that nobody reads a slot, once it has been so for longer than a restart takes."""
        if not isinstance(live, Found) or live.as_declared:
            self._idle.pop(slot.name, None)
            return None
        since = self._idle.setdefault(slot.name, time.monotonic())
        if time.monotonic() - since < _IDLE_SECONDS:
            return None
        return StoreError(
            "SlotInactive",
            f"{slot.record} is read by nobody, so events wait and the log grows; see the log of "
            "Kafka Connect",
        )

    def forget(self, slot: str) -> None:
        """Forget a slot that was released."""
        self._seen.discard(slot)
        self._idle.pop(slot, None)

    def _lost(self, external: External, connector: Manifest) -> StoreError | None:
        if isinstance(external, Publication):
            return StoreError(
                "PublicationMissing",
                f"{external.record} was dropped; it is made again and Debezium is restarted",
            )
        if isinstance(external, ReplicationSlot) and (
            external.name in self._seen or _ready_seconds(connector) > _FIRST_SLOT_SECONDS
        ):
            return StoreError(
                "SlotMissing",
                f"{external.record} was dropped; Debezium is restarted, reads the whole outbox "
                "again and makes a new slot",
            )
        return None


def _ready_seconds(connector: Manifest) -> float:
    """Return for how long the connector has been ready; 0 if it is not."""
    for condition in (connector.get("status") or {}).get("conditions") or ():
        since = condition.get("lastTransitionTime")
        if condition["type"] == "Ready" and condition["status"] == "True" and since:
            return (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()
    return 0.0
