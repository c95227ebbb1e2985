"""Provisions what a ShopService declares outside its namespace, in one reconcile."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shop_operator.api.api_errors import ApiError
from shop_operator.api.kinds import KAFKA_CONNECTOR
from shop_operator.apply.result import ApplyError
from shop_operator.children.access_secret import Access
from shop_operator.metadata import Manifest
from shop_operator.names import connector_name, database_name
from shop_operator.settings import Settings
from shop_operator.spec import Key
from shop_operator.stores.access import (
    CAPTURES,
    PasswordMemory,
    files_of,
    given_access,
    known_access,
    with_new_passwords,
)
from shop_operator.stores.capture import CaptureWatch
from shop_operator.stores.declared import declared, made_before
from shop_operator.stores.errors import StoreError
from shop_operator.stores.external import External, Found, Identity, Record
from shop_operator.stores.kafka import is_going
from shop_operator.stores.ownership import (
    DATABASES,
    KAFKA,
    LOGINS,
    Plan,
    compare,
    kafka_errors,
    not_as_declared,
    recorded,
    store_error,
    unreadable,
)
from shop_operator.stores.platform import Platform
from shop_operator.stores.postgres.capture import ReplicationSlot
from shop_operator.stores.sessions import Sessions
from shop_operator.stores.vault.secret import look_for_files


@dataclass(frozen=True, slots=True)
class Provisioned:
    """The state of what is outside the namespace, after provisioning."""

    access: Access
    database_error: StoreError | None = None
    secrets_error: StoreError | None = None
    capture_error: StoreError | None = None
    outbox_ready: bool = False
    errors: tuple[ApplyError, ...] = ()
    """Resources in Kafka's namespace that may not be applied now."""
    applicable: frozenset[tuple[str, str]] = frozenset()
    """Kind and name of the resources in Kafka's namespace that may be applied."""


class Shared(Protocol):
    """What provisionings share."""

    settings: Settings
    platform: Platform
    captures: CaptureWatch
    passwords: PasswordMemory

    def trusted(self, key: Key, externals: Sequence[External]) -> dict[Identity, Found] | None:
        """Return what was found a moment ago, if all of it was as declared."""
        ...

    def trust(self, key: Key, externals: Sequence[External], found: dict[Identity, Found]) -> None:
        """Remember that all was found as declared."""
        ...


class Provisioning:
    """One look at what is outside, and the changes that follow from it."""

    def __init__(self, shared: Shared, sessions: Sessions) -> None:
        self._shared = shared
        self._sessions = sessions
        self._service = sessions.service
        self._known = Access()
        self._declared: list[External] = []
        self._found: dict[Identity, Found | StoreError | None] = {}

    async def plan(self, live: Sequence[Manifest]) -> Plan:
        """Read everything that is declared, and decide whose it is. Writes nothing."""
        service, shared = self._service, self._shared
        self._known = shared.passwords.fill(service, known_access(service, live))
        self._files = files_of(service, live)
        self._access = with_new_passwords(service, self._known)
        self._declared = declared(service, shared.settings, self._access)
        known = recorded(service, made_before(service, shared.settings))
        changed = self._scope_changed(known)
        if changed is not None:
            conflicts = {known[0].identity: changed}
            return Plan(records=known, withheld=self._declared, conflicts=conflicts)
        self._found = dict(shared.trusted(service.key, self._declared) or {})
        await self._read([e for e in self._declared if e.record.identity not in self._found])
        return compare(
            self._sessions.owner, declared=self._declared, known=known, found=self._found
        )

    async def provision(self, plan: Plan) -> Provisioned:
        """Make what is missing and alter what differs, as planned; read the platform's logins."""
        ensured: set[str] = set()
        error = await self._ensure(plan, DATABASES, ensured)
        logins = unreadable(self._found, LOGINS)
        login_error = logins if error else await self._ensure(plan, LOGINS, ensured)
        try:
            ready = error is None and await self._outbox_ready()
            capture_error = await self._capture(plan) if error is None else None
        except StoreError as failed:
            error, ready, capture_error = failed, False, None
        settled = not (error or login_error or plan.withheld)
        if settled and (ready or self._service.spec.outbox_table is None):
            found = {i: live for i, live in self._found.items() if isinstance(live, Found)}
            if len(found) == len(self._declared):
                self._shared.trust(self._service.key, self._declared, found)
        given = given_access(
            new=self._access,
            known=self._known,
            ensured=ensured,
            existed=self._existed,
            files=self._files,
        )
        self._shared.passwords.remember(self._service, given)
        secrets_error = await self._look_for_files()
        return Provisioned(
            given,
            error,
            login_error or secrets_error,
            capture_error,
            outbox_ready=ready,
            errors=tuple(kafka_errors(plan, self._declared, self._found)),
            applicable=frozenset(
                (external.record.kind, external.record.name)
                for external in plan.ensure
                if external.record.store == KAFKA
            ),
        )

    async def look_up(self, live: Sequence[Manifest]) -> Provisioned:
        """Return what is there and what is missing, where nothing may be written."""
        plan = await self.plan(live)
        error, login_error = (
            store_error(plan, self._declared, self._found, stores)
            or not_as_declared(self._declared, self._found, stores)
            for stores in (DATABASES, LOGINS)
        )
        try:
            ready = error is None and await self._outbox_ready()
        except StoreError as failed:
            error, ready = failed, False
        secrets_error = await self._look_for_files()
        names = {(external.record.kind, external.record.name) for external in self._declared}
        return Provisioned(
            self._known,
            error,
            login_error or secrets_error,
            outbox_ready=ready,
            applicable=frozenset(names),
        )

    async def _ensure(
        self, plan: Plan, stores: frozenset[str], ensured: set[str]
    ) -> StoreError | None:
        """Make and alter what is in these stores; add the kinds of it to `ensured`.

        Returns why something is not as declared.
        """
        error = store_error(plan, self._declared, self._found, stores)
        is_trusted = self._shared.trusted(self._service.key, self._declared) is not None
        try:
            for external in plan.ensure:
                if external.record.store in stores:
                    if not is_trusted:
                        self._sessions.resources.gate.require()
                        await external.ensure(self._sessions)
                    ensured.add(external.record.kind)
        except StoreError as failed:
            return error or failed
        return error

    async def _look_for_files(self) -> StoreError | None:
        """Return which secret of `secrets.files` is missing; None if they are there."""
        secrets = self._service.spec.secrets
        try:
            if secrets.provider == "kubernetes":
                await self._shared.platform.look_for_files(self._service)
            elif secrets.keeps_vault and secrets.files:
                await look_for_files(await self._sessions.vault(), self._service)
        except StoreError as error:
            return error
        return None

    async def _read(self, externals: Sequence[External]) -> None:
        """Read the things; a store that failed once is not asked again in this reconcile."""
        failed: dict[str, StoreError] = {}
        for external in externals:
            record = external.record
            if record.store in failed:
                self._found[record.identity] = failed[record.store]
                continue
            try:
                self._found[record.identity] = await external.read(self._sessions)
            except StoreError as error:
                self._found[record.identity] = failed[record.store] = error

    def _scope_changed(self, known: Sequence[Record]) -> StoreError | None:
        """Return an error if all that is recorded has the names of the other scope."""
        settings, namespace = self._shared.settings, self._service.namespace
        scope = "cluster" if settings.is_scoped(namespace) else "namespace"
        other = settings.model_copy(update={"scope": scope, "cluster_scoped_namespaces": ()})
        before = {e.record.identity for e in declared(self._service, other, Access())}
        now = {e.record.identity for e in self._declared}
        names = {record.identity for record in known}
        if not names or names & now or not names <= before:
            return None
        return StoreError(
            "ScopeChanged",
            f"{known[0]} was made with the setting scope: {scope}; set it back, add {namespace} to "
            "MINISHOP_CLUSTER_SCOPED_NAMESPACES, or move the data to a new ShopService",
        )

    @property
    def _existed(self) -> set[str]:
        """Return the kinds of what was there before this reconcile."""
        return {i[1] for i, found in self._found.items() if isinstance(found, Found)}

    async def _outbox_ready(self) -> bool:
        """Return True once the outbox exists and Debezium may read it. Raises StoreError."""
        spec, outbox = self._service.spec, self._service.spec.outbox_table
        if spec.database is None or outbox is None:
            return False
        if spec.database.kind == "mongodb":
            name = database_name(self._service, self._shared.settings)
            return outbox in await (await self._sessions.mongodb()).collections(name)
        publication = next(e for e in self._declared if e.record.kind == "Publication")
        live = self._found[publication.record.identity]
        if not isinstance(live, Found) or not live.as_declared:
            live = await publication.read(self._sessions)
        return live is not None and live.as_declared

    async def _capture(self, plan: Plan) -> StoreError | None:
        """Have Debezium go on from where it can, if what it read from was lost.

        Raises StoreError.
        """
        settings = self._shared.settings
        name = connector_name(self._service, settings)
        connector = self._sessions.resources.cache.get(
            KAFKA_CONNECTOR, settings.kafka_namespace, name
        )
        if connector is None or self._service.spec.outbox_table is None or plan.conflicts:
            return None
        if is_going(connector) or self._is_database_gone():
            return await self._begin_anew(name)
        slot = next((e for e in self._declared if isinstance(e, ReplicationSlot)), None)
        if slot is None:
            return None
        lost = self._shared.captures.missing(self._declared, self._found, connector)
        if lost is None and self._known.capture is None and self._existed & CAPTURES:
            # A lost password was set anew, which a running task does not know.
            await self._resume(connector)
        if lost is None:
            return self._shared.captures.idle(slot, self._found[slot.record.identity])
        if lost.reason == "PublicationMissing" and self._found[slot.record.identity] is not None:
            await slot.drop(self._sessions)
        await self._resume(connector)
        return lost

    def _is_database_gone(self) -> bool:
        """Return True if MongoDB's database was dropped: its change stream has ended for good.

        The connector goes on to run, and reads nothing of a database made under the same name.
        """
        gone = [e for e in self._declared if e.record.identity[:2] == ("mongodb", "Database")]
        return any(self._found[external.record.identity] is None for external in gone)

    async def _begin_anew(self, connector: str) -> StoreError:
        """Release the connector; it is made again once it is gone, and the outbox is there."""
        self._sessions.resources.gate.require()
        resource = next(e for e in self._declared if e.record.kind == KAFKA_CONNECTOR.kind)
        message = f"connector {connector} is made anew, and reads the whole outbox"
        try:
            await resource.release(self._sessions)
        except StoreError as error:
            message = f"{message}: {error}"
        return StoreError("CaptureBeginsAnew", message)

    async def _resume(self, connector: Manifest) -> None:
        try:
            await self._shared.captures.resume(self._sessions, connector)
        except ApiError as error:
            name = connector["metadata"]["name"]
            raise StoreError("ApiError", f"KafkaConnector {name}: {error}") from error
