"""Provisions what a ShopService declares outside its namespace, in one reconcile."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shop_operator.api.api_errors import NotFoundError
from shop_operator.api.kinds import POD, SECRET
from shop_operator.apply.result import ApplyError
from shop_operator.children.access_secret import Access, access_name
from shop_operator.metadata import ROTATED_ANNOTATION, Manifest
from shop_operator.stores.access import (
    files_of,
    given_access,
    known_access,
    with_new_capture,
    with_new_logins,
    with_new_passwords,
)
from shop_operator.stores.declared import declared, made_before
from shop_operator.stores.errors import StoreError
from shop_operator.stores.external import External, Found, Identity, Record
from shop_operator.stores.outbox_capture import OutboxCapture
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
from shop_operator.stores.prefixes import taken
from shop_operator.stores.rotation import Rotation, look, with_others
from shop_operator.stores.sessions import Sessions
from shop_operator.stores.shared import Shared
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
    rotation: Rotation | None = None
    """None where nothing may be written."""


class Provisioning:
    """One look at what is outside, and the changes that follow from it."""

    def __init__(self, shared: Shared, sessions: Sessions) -> None:
        self._shared = shared
        self._sessions = sessions
        self._service = sessions.service
        self._known = Access()
        self._rotation = Rotation()
        self._declared: list[External] = []
        self._found: dict[Identity, Found | StoreError | None] = {}

    async def plan(self, live: Sequence[Manifest], *, may_rotate: bool = True) -> Plan:
        """Read everything that is declared, and decide whose it is. Writes nothing."""
        service, shared = self._service, self._shared
        self._known = shared.passwords.fill(service, known_access(service, live))
        self._files = files_of(service, live)
        known = recorded(service, made_before(service, shared.settings))
        await self._rotate(live, known, may_rotate=may_rotate)
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
        capture = self._capture()
        try:
            ready = error is None and await capture.is_ready()
            capture_error = None
            if error is None:
                capture_error = await capture.resume(
                    has_conflicts=bool(plan.conflicts),
                    existed=self._existed,
                    password_known=self._known.capture is not None,
                )
        except StoreError as failed:
            error, ready, capture_error = failed, False, None
        settled = not (error or login_error or plan.withheld)
        if settled and (ready or self._service.spec.outbox_table is None):
            found = {i: live for i, live in self._found.items() if isinstance(live, Found)}
            if len(found) == len(self._declared):
                self._shared.trust(self._service.key, self._declared, found)
        given = self._given(ensured, failed=error or login_error)
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
            rotation=self._rotation.after(failure=error or login_error, rotated=given.rotated),
        )

    async def look_up(self, live: Sequence[Manifest]) -> Provisioned:
        """Return what is there and what is missing, where nothing may be written."""
        plan = await self.plan(live, may_rotate=False)
        error, login_error = (
            store_error(plan, self._declared, self._found, stores)
            or not_as_declared(self._declared, self._found, stores)
            for stores in (DATABASES, LOGINS)
        )
        try:
            ready = error is None and await self._capture().is_ready()
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

    async def _rotate(
        self, live: Sequence[Manifest], recorded_now: Sequence[Record], *, may_rotate: bool
    ) -> None:
        """Decide which of its two logins the service is to have, and what is declared with it.

        Raises ApiError.
        """
        service, settings = self._service, self._shared.settings
        now, other = (
            declared(service, settings, Access(is_alternate=second))
            for second in (self._known.is_alternate, not self._known.is_alternate)
        )
        names = {external.record.identity for external in now}
        self._rotation = look(
            service,
            self._known,
            live=live,
            pods=self._sessions.resources.cache.of(POD, service.key),
            others=[external for external in other if external.record.identity not in names],
            recorded=recorded_now,
        )
        begins = self._rotation.begins and may_rotate and not await self._is_outdated()
        self._rotation = replace(self._rotation, begins=begins)
        access = with_new_passwords(service, self._known)
        if begins:
            access, other = with_new_logins(service, self._known, self._rotation.requested), now
        at = access.rotated or ""
        if may_rotate and self._known.capture is not None and at > (access.capture_rotated or ""):
            access = with_new_capture(access, at)
        self._access = access
        self._declared = declared(service, settings, access)
        if begins or self._rotation.keeps_other:
            kept = frozenset(record.identity for record in recorded_now)
            self._declared = with_others(self._declared, other, kept)

    async def _is_outdated(self) -> bool:
        """Return True if the cache does not know yet what the Secret says: another rotation began.

        Raises ApiError.
        """
        client, name = self._sessions.resources.client, access_name(self._service)
        try:
            secret = await client.get(SECRET, self._service.namespace, name)
        except NotFoundError:
            return True
        annotations = secret["metadata"].get("annotations") or {}
        return annotations.get(ROTATED_ANNOTATION) != self._known.rotated

    def _given(self, ensured: set[str], *, failed: StoreError | None) -> Access:
        """Return the passwords to be written: of new logins all or none."""
        if self._rotation.begins:
            return self._known if failed else self._access
        return given_access(
            new=self._access,
            known=self._known,
            ensured=ensured,
            existed=self._existed,
            files=self._files,
        )

    def _capture(self) -> OutboxCapture:
        shared = self._shared
        return OutboxCapture(
            shared.settings, shared.captures, self._sessions, self._declared, self._found
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
                    if not is_trusted and not self._is_sure(external):
                        self._sessions.resources.gate.require()
                        if external.record.identity in plan.made:
                            await self._shared.maker.make(external, self._sessions)
                        else:
                            await external.ensure(self._sessions)
                    ensured.add(external.record.kind)
        except StoreError as failed:
            return error or failed
        return error

    def _is_sure(self, external: External) -> bool:
        live = self._found[external.record.identity]
        return isinstance(live, Found) and live.read_whole and live.as_declared

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
                live = await external.read(self._sessions)
                self._found[record.identity] = live or taken(
                    record.kind, self._service, self._shared.services, self._shared.settings
                )
            except StoreError as error:
                self._found[record.identity] = failed[record.store] = error

    def _scope_changed(self, known: Sequence[Record]) -> StoreError | None:
        """Return an error if all that is recorded has the names of the other scope."""
        settings, namespace = self._shared.settings, self._service.namespace
        scope = "cluster" if settings.is_scoped(namespace) else "namespace"
        other = settings.model_copy(update={"scope": scope, "cluster_scoped_namespaces": ()})
        before = {
            external.record.identity
            for second in (False, True)
            for external in declared(self._service, other, Access(is_alternate=second))
        }
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
