"""One pass over one ShopService: look, make what is missing, say how it is.

A pass is told nothing but the key. It reads what is, never what happened, so any number of
events may be lost, doubled or reordered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from shop_operator.accounts import Accounts, Stores
from shop_operator.announce import Announcer
from shop_operator.api_errors import ConflictError, NotFoundError
from shop_operator.cache import Cache
from shop_operator.children.metadata import API_VERSION, Manifest
from shop_operator.cluster import Cluster
from shop_operator.conditions import TAKES_TIME, Condition, assess, only
from shop_operator.informer import Informer
from shop_operator.kinds import POD
from shop_operator.outcome import Outcome
from shop_operator.render import render
from shop_operator.settings import Settings
from shop_operator.spec import InvalidSpecError, Key, ShopService, parse
from shop_operator.status import brief_status, manifest, status_of
from shop_operator.stores import StoreError
from shop_operator.sync import Sync

FINALIZER: Final = "minishop.dev/cleanup"
_log = structlog.get_logger()


class TemporaryError(Exception):
    """Something that may be well later; the key is put off, at least for so many seconds."""

    def __init__(self, message: str, *, at_least: float = 0.0) -> None:
        super().__init__(message)
        self.at_least = at_least


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Everything that a pass needs."""

    cluster: Cluster
    platform: Settings
    services: Informer
    cache: Cache
    stores: Stores
    sync: Sync
    announcer: Announcer

    async def reconcile(self, key: Key) -> None:
        """Bring one ShopService to what it declares.

        Raises TemporaryError, ApiError, NotHolderError.
        """
        body = self.services.get(key.name)
        if body is None:
            return
        try:
            service = parse(body)
        except InvalidSpecError as error:
            unread = parse({**body, "spec": {"image": "unread"}})
            await self._set_aside(unread, only("InvalidSpec", str(error)))
            return
        policy = service.spec.management_policy
        if service.deleting:
            await self._clean_up(service)
        elif policy == "Paused":
            message = "paused by spec.managementPolicy"
            await self._set_aside(service, only("Paused", message, status="Unknown"))
        else:
            write = policy == "Enforce"
            if write and FINALIZER not in service.finalizers:
                service = await self._hold(service)
            await self._converge(service, write=write)

    async def _set_aside(self, service: ShopService, conditions: Sequence[Condition]) -> None:
        await self._say(service, brief_status(service, conditions), conditions)

    async def _converge(self, service: ShopService, *, write: bool) -> None:
        live = list(self.cache.children(service.key))
        accounts = await self.stores.ensure(service, live, write=write)
        desired, keep = self._wanted(service, accounts, live)
        outcome = await self.sync.children(service, desired, keep=keep, write=write)
        if write:
            await self._end_capture(service, live)
        pods = self.cache.of(POD, service.key)
        conditions = assess(service, self.platform, accounts, outcome, pods)
        status = status_of(service, self.platform, outcome, conditions)
        for drift in outcome.drifts if write else ():
            what = f"{drift.field} was changed" if drift.field else "it was deleted"
            note = f"{drift.kind} {drift.name}: {what}; put right"
            await self.announcer.say(service, "DriftCorrected", note)
        await self._say(service, status, conditions)
        _check(accounts, outcome, conditions)

    def _wanted(
        self, service: ShopService, accounts: Accounts, live: Sequence[Manifest]
    ) -> tuple[list[Manifest], frozenset[str]]:
        """Return the manifests to write now, and the kinds of which none is pruned for now.

        What can't be rendered because a store does not answer stays as it is.
        """
        desired = render(service, self.platform, accounts.access)
        keep: set[str] = set()
        if not accounts.access.complete(service):
            keep |= {"Secret", "Role", "RoleBinding", "KafkaConnector"}
        has_connector = any(child["kind"] == "KafkaConnector" for child in live)
        if not accounts.outbox_ready and not has_connector:
            desired = [child for child in desired if child["kind"] != "KafkaConnector"]
        return desired, frozenset(keep)

    async def _hold(self, service: ShopService) -> ShopService:
        """Put on the finalizer, before anything is made that only it can remove."""
        body = await self.cache.write(self.cluster.apply(_finalized(service, FINALIZER)))
        self.services.written(body)
        return parse(body)

    async def _end_capture(self, service: ShopService, live: Sequence[Manifest]) -> None:
        """Drop the slot of an outbox that the spec no longer asks for: it pins the log."""
        had = any(child["kind"] == "KafkaConnector" for child in live)
        if had and service.spec.outbox_table is None and service.spec.database is not None:
            try:
                await self.stores.stop_capture(service.spec.database)
            except StoreError as error:
                raise TemporaryError(str(error)) from error

    async def _clean_up(self, service: ShopService) -> None:
        """Remove all that belongs to a ShopService that is deleted; then let it go."""
        if FINALIZER not in service.finalizers:
            return
        outcome = await self.sync.children(service, ())
        left = list(self.cache.children(service.key))
        if outcome.refusals:
            raise TemporaryError(outcome.refusals[0].message)
        if any(child["kind"] == "KafkaConnector" for child in left):
            raise TemporaryError("the connector is not gone yet")
        database = service.spec.database
        try:
            if database is not None and service.spec.outbox_table:
                await self.stores.stop_capture(database)
            if database is not None and database.on_delete == "Drop":
                await self.stores.drop(database, str(service.key))
        except StoreError as error:
            await self._set_aside(service, only(error.reason, f"deletion waits: {error}"))
            raise TemporaryError(str(error)) from error
        if any(child["metadata"]["namespace"] == service.namespace for child in left):
            _log.info("children are still ending", key=str(service.key), count=len(left))
        try:
            await self.cache.write(self.cluster.apply(_finalized(service)))
        except (NotFoundError, ConflictError):
            return

    async def _say(
        self, service: ShopService, status: Manifest, conditions: Sequence[Condition]
    ) -> None:
        """Write the status when it is new, and announce a change of Ready."""
        if status == service.status:
            return
        try:
            request = self.cluster.apply_status(manifest(service, status))
            self.services.written(await self.cache.write(request))
        except (NotFoundError, ConflictError):
            return  # deleted meanwhile, or made anew: its own event follows
        before = {c["type"]: c for c in service.status.get("conditions") or ()}.get("Ready", {})
        ready = conditions[0]
        changed = (ready.status, ready.reason) != (before.get("status"), before.get("reason"))
        if changed and ready.reason not in TAKES_TIME:
            warning = ready.status == "False"
            await self.announcer.say(service, ready.reason, ready.message, warning=warning)


def _finalized(service: ShopService, *finalizers: str) -> Manifest:
    metadata = {"name": service.name, "namespace": service.namespace, "uid": service.uid}
    return {
        "apiVersion": API_VERSION,
        "kind": "ShopService",
        "metadata": metadata | {"finalizers": list(finalizers)},
    }


def _check(accounts: Accounts, outcome: Outcome, conditions: Sequence[Condition]) -> None:
    """Ask for another pass where something is looked at that no watch reports.

    Raises TemporaryError.
    """
    temporary = [refusal for refusal in outcome.refusals if refusal.temporary]
    if temporary:
        after = max(refusal.retry_after for refusal in temporary)
        raise TemporaryError(temporary[0].message, at_least=after)
    for error in (accounts.database_error, accounts.secrets_error):
        if error is not None:
            raise TemporaryError(str(error))
    waits = {"OutboxMissing", "NotOwned", "Rejected", "Forbidden"}
    for condition in conditions:
        if condition.reason in waits:
            raise TemporaryError(condition.message)
