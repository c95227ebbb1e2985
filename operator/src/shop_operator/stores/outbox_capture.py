"""Capture of one service's outbox, as one reconcile finds it: ready, lost, or to begin anew."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from shop_operator.api.api_errors import ApiError
from shop_operator.api.kinds import KAFKA_CONNECTOR
from shop_operator.metadata import Manifest
from shop_operator.names import connector_name, database_name
from shop_operator.settings import Settings
from shop_operator.stores.access import CAPTURES
from shop_operator.stores.capture import CaptureWatch
from shop_operator.stores.errors import StoreError
from shop_operator.stores.external import External, Found, Identity
from shop_operator.stores.kafka import is_going
from shop_operator.stores.postgres.capture import ReplicationSlot
from shop_operator.stores.sessions import Sessions


@dataclass(frozen=True, slots=True)
class OutboxCapture:
    """What is declared and was found of a service's capture. Every method raises StoreError."""

    settings: Settings
    captures: CaptureWatch
    sessions: Sessions
    declared: Sequence[External]
    found: Mapping[Identity, Found | StoreError | None]

    async def is_ready(self) -> bool:
        """Return True once the outbox exists and Debezium may read it."""
        service = self.sessions.service
        spec, outbox = service.spec, service.spec.outbox_table
        if spec.database is None or outbox is None:
            return False
        if spec.database.kind == "mongodb":
            name = database_name(service, self.settings)
            return outbox in await (await self.sessions.mongodb()).collections(name)
        publication = next(e for e in self.declared if e.record.kind == "Publication")
        live = self.found[publication.record.identity]
        if not isinstance(live, Found) or not live.as_declared:
            live = await publication.read(self.sessions)
        return live is not None and live.as_declared

    async def resume(
        self, *, has_conflicts: bool, existed: AbstractSet[str], password_known: bool
    ) -> StoreError | None:
        """Have Debezium go on from where it can, if what it read from was lost.

        `existed` are the kinds of what was there before this reconcile.
        """
        service = self.sessions.service
        name = connector_name(service, self.settings)
        connector = self.sessions.resources.cache.get(
            KAFKA_CONNECTOR, self.settings.kafka_namespace, name
        )
        if connector is None or service.spec.outbox_table is None or has_conflicts:
            return None
        if is_going(connector) or self._is_database_gone():
            return await self._begin_anew(name)
        slot = next((e for e in self.declared if isinstance(e, ReplicationSlot)), None)
        if slot is None:
            return None
        lost = self.captures.missing(self.declared, self.found, connector)
        if lost is None and not password_known and existed & CAPTURES:
            # A lost password was set anew, which a running task does not know.
            await self._restart(connector)
        if lost is None:
            return self.captures.idle(slot, self.found[slot.record.identity])
        if lost.reason == "PublicationMissing" and self.found[slot.record.identity] is not None:
            await slot.drop(self.sessions)
        await self._restart(connector)
        return lost

    def _is_database_gone(self) -> bool:
        """Return True if MongoDB's database was dropped: its change stream has ended for good.

        The connector goes on to run, and reads nothing of a database made under the same name.
        """
        gone = [e for e in self.declared if e.record.identity[:2] == ("mongodb", "Database")]
        return any(self.found[external.record.identity] is None for external in gone)

    async def _begin_anew(self, connector: str) -> StoreError:
        """Release the connector; it is made again once it is gone, and the outbox is there."""
        self.sessions.resources.gate.require()
        resource = next(e for e in self.declared if e.record.kind == KAFKA_CONNECTOR.kind)
        message = f"connector {connector} is made anew, and reads the whole outbox"
        try:
            await resource.release(self.sessions)
        except StoreError as error:
            message = f"{message}: {error}"
        return StoreError("CaptureBeginsAnew", message)

    async def _restart(self, connector: Manifest) -> None:
        try:
            await self.captures.resume(self.sessions, connector)
        except ApiError as error:
            name = connector["metadata"]["name"]
            raise StoreError("ApiError", f"KafkaConnector {name}: {error}") from error
