"""Reconciles one ShopService: read the live state, change what differs, write the status.

Level-triggered: a reconcile gets only the key and reads the current state, so events may be lost,
duplicated or reordered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ConflictError, NotFoundError
from shop_operator.api.cache import Cache
from shop_operator.api.informer import Informer
from shop_operator.api.kinds import POD
from shop_operator.api.pod_logs import PodLogs, redacted
from shop_operator.api.write_gate import WriteGate
from shop_operator.apply.children import ChildApplier, with_applied_hash
from shop_operator.apply.result import ApplyResult
from shop_operator.conditions.assess import TAKES_TIME, Condition, announced, assess, only
from shop_operator.conditions.route import route
from shop_operator.conditions.status import announcing_status, brief_status, manifest, status_of
from shop_operator.conditions.workload import rollout
from shop_operator.metadata import API_VERSION, APPLIED_ANNOTATION, Manifest
from shop_operator.recorder import EventRecorder
from shop_operator.render import render
from shop_operator.route_registry import RouteRegistry
from shop_operator.settings import Settings
from shop_operator.spec import InvalidSpecError, Key, ShopService, parse
from shop_operator.stores.account import StoreError
from shop_operator.stores.provisioning import Provisioned, Provisioner

FINALIZER: Final = "minishop.dev/cleanup"
_log = structlog.get_logger()


class TemporaryError(Exception):
    """Not done yet, without a bug: the key is requeued, after `at_least` seconds or more."""

    def __init__(self, message: str, *, at_least: float = 0.0) -> None:
        super().__init__(message)
        self.at_least = at_least


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Everything that a reconcile needs."""

    client: ApiClient
    platform: Settings
    services: Informer
    cache: Cache
    gate: WriteGate
    provisioner: Provisioner
    applier: ChildApplier
    recorder: EventRecorder
    logs: PodLogs
    routes: RouteRegistry

    async def reconcile(self, key: Key) -> float | None:
        """Make the live state of one ShopService what its spec declares.

        Return the seconds after which time alone may change its conditions, None for never.

        Raises TemporaryError, ApiError, NotHolderError.
        """
        body = self.services.get(key.name)
        if body is None:
            return None
        try:
            service = parse(body)
        except InvalidSpecError as error:
            unread = parse({**body, "spec": {"image": "unread"}})
            await self._report_only(unread, only("InvalidSpec", str(error)))
            return None
        policy = service.spec.management_policy
        if service.deleting:
            await self._clean_up(service)
        elif policy == "Paused":
            message = "paused by spec.managementPolicy"
            await self._report_only(service, only("Paused", message, status="Unknown"))
        else:
            write = policy == "Enforce"
            if write and FINALIZER not in service.finalizers:
                service = await self._add_finalizer(service)
            return await self._converge(service, write=write)
        return None

    async def _report_only(self, service: ShopService, conditions: Sequence[Condition]) -> None:
        await self._write_status(service, brief_status(service, conditions), conditions)

    async def _converge(self, service: ShopService, *, write: bool) -> float | None:
        live = list(self.cache.children(service.key))
        provisioned = await self.provisioner.ensure(service, live, write=write)
        desired, keep = self._wanted(service, provisioned, live)
        if write and _begins_rollout(service, desired, live):
            service = await self._announce_rollout(service)
        result = await self.applier.apply(service, desired, keep=keep, write=write)
        if write:
            await self._drop_capture(service, live)
        pods = rollout(service, result.live, self.cache.of(POD, service.key))
        if pods.log is not None:
            line = await self.logs.last_line(pods.log)
            pods = pods.with_log(redacted(line, provisioned.access.passwords()))
        way_in = route(service, self.platform, result, self.routes.view(service))
        conditions = assess(service, provisioned, result, pods, way_in)
        reached_at = None if way_in is None else way_in.url
        status = status_of(service, result, conditions, reached_at=reached_at)
        for drift in result.drifts if write else ():
            what = f"{drift.field} was changed" if drift.field else "it was deleted"
            note = f"{drift.kind} {drift.name}: {what}; put right"
            await self.recorder.record(service, "DriftCorrected", note)
        await self._write_status(service, status, conditions)
        _raise_if_incomplete(provisioned, result, conditions)
        return pods.recheck

    async def _announce_rollout(self, service: ShopService) -> ShopService:
        """Write Ready=False before the Deployment changes; return the ShopService as it is then.

        Whoever waits for Ready must not see the old True beside the new Deployment.
        """
        conditions = announced("the pods are about to be replaced")
        await self._write_status(service, announcing_status(service, conditions), conditions)
        body = self.services.get(service.name)
        return service if body is None else parse(body)

    def _wanted(
        self, service: ShopService, provisioned: Provisioned, live: Sequence[Manifest]
    ) -> tuple[list[Manifest], frozenset[str]]:
        """Return the desired children, and the kinds that must not be pruned now.

        Children that can't be rendered because a store does not answer stay as they are.
        """
        routed = self.routes.with_won_paths(service)
        desired = render(routed, self.platform, provisioned.access)
        keep: set[str] = set()
        if not provisioned.access.complete(service):
            keep |= {"Secret", "Role", "RoleBinding", "KafkaConnector"}
        has_connector = any(child["kind"] == "KafkaConnector" for child in live)
        if not provisioned.outbox_ready and not has_connector:
            desired = [child for child in desired if child["kind"] != "KafkaConnector"]
        return desired, frozenset(keep)

    async def _add_finalizer(self, service: ShopService) -> ShopService:
        """Add the finalizer, before anything is created that only it removes."""
        body = await self.gate.write(self.client.apply(_finalized(service, FINALIZER)))
        self.services.observe_write(body)
        return parse(body)

    async def _drop_capture(self, service: ShopService, live: Sequence[Manifest]) -> None:
        """Drop the slot of an outbox that the spec no longer has: it pins the write-ahead log."""
        had = any(child["kind"] == "KafkaConnector" for child in live)
        if had and service.spec.outbox_table is None and service.spec.database is not None:
            try:
                await self.provisioner.stop_capture(service.spec.database)
            except StoreError as error:
                raise TemporaryError(str(error)) from error

    async def _clean_up(self, service: ShopService) -> None:
        """Remove everything that belongs to a deleted ShopService, then its finalizer."""
        if FINALIZER not in service.finalizers:
            return
        result = await self.applier.apply(service, ())
        left = list(self.cache.children(service.key))
        if result.errors:
            raise TemporaryError(result.errors[0].message)
        if any(child["kind"] == "KafkaConnector" for child in left):
            raise TemporaryError("the connector is not gone yet")
        database = service.spec.database
        try:
            if database is not None and service.spec.outbox_table:
                await self.provisioner.stop_capture(database)
            if database is not None and database.on_delete == "Drop":
                await self.provisioner.drop(database, str(service.key))
        except StoreError as error:
            await self._report_only(service, only(error.reason, f"deletion waits: {error}"))
            raise TemporaryError(str(error)) from error
        if any(child["metadata"]["namespace"] == service.namespace for child in left):
            _log.info("children are still ending", key=str(service.key), count=len(left))
        try:
            await self.gate.write(self.client.apply(_finalized(service)))
        except (NotFoundError, ConflictError):
            return

    async def _write_status(
        self, service: ShopService, status: Manifest, conditions: Sequence[Condition]
    ) -> None:
        """Write the status if it differs, and record an Event if Ready changed."""
        if status == service.status:
            return
        try:
            request = self.client.apply_status(manifest(service, status))
            self.services.observe_write(await self.gate.write(request))
        except (NotFoundError, ConflictError):
            return  # deleted or recreated meanwhile: the watch reports that
        before = {c["type"]: c for c in service.status.get("conditions") or ()}.get("Ready", {})
        ready = conditions[0]
        changed = (ready.status, ready.reason) != (before.get("status"), before.get("reason"))
        if changed and ready.reason not in TAKES_TIME:
            warning = ready.status == "False"
            await self.recorder.record(service, ready.reason, ready.message, warning=warning)


def _begins_rollout(
    service: ShopService, desired: Sequence[Manifest], live: Sequence[Manifest]
) -> bool:
    """Return True if a ShopService that says Ready gets another Deployment than it has now."""
    conditions = service.status.get("conditions") or ()
    if not any(each["type"] == "Ready" and each["status"] == "True" for each in conditions):
        return False
    found = [
        next((child for child in children if child["kind"] == "Deployment"), None)
        for children in (desired, live)
    ]
    wanted, there = found
    if wanted is None or there is None:
        return wanted is not None
    before = (there["metadata"].get("annotations") or {}).get(APPLIED_ANNOTATION)
    return bool(with_applied_hash(wanted)["metadata"]["annotations"][APPLIED_ANNOTATION] != before)


def _finalized(service: ShopService, *finalizers: str) -> Manifest:
    metadata = {"name": service.name, "namespace": service.namespace, "uid": service.uid}
    return {
        "apiVersion": API_VERSION,
        "kind": "ShopService",
        "metadata": metadata | {"finalizers": list(finalizers)},
    }


def _raise_if_incomplete(
    provisioned: Provisioned, result: ApplyResult, conditions: Sequence[Condition]
) -> None:
    """Request another reconcile if something is missing that no watch reports.

    Raises TemporaryError.
    """
    temporary = [error for error in result.errors if error.temporary]
    if temporary:
        after = max(error.retry_after for error in temporary)
        raise TemporaryError(temporary[0].message, at_least=after)
    for error in (provisioned.database_error, provisioned.secrets_error):
        if error is not None:
            raise TemporaryError(str(error))
    waits = {"OutboxMissing", "NotOwned", "Rejected", "Forbidden"}
    for condition in conditions:
        if condition.reason in waits:
            raise TemporaryError(condition.message)
