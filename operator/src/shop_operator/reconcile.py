"""Reconciles one ShopService: read the live state, change what differs, write the status.

Level-triggered: a reconcile gets only the key and reads the current state, so events may be lost,
duplicated or reordered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shop_operator.api.api_client import ApiClient
from shop_operator.api.cache import Cache
from shop_operator.api.informer import Informer
from shop_operator.api.kinds import KAFKA_CONNECTOR, POD, SHOP_SERVICE
from shop_operator.api.pod_logs import PodLogs, redacted
from shop_operator.api.write_gate import WriteGate
from shop_operator.apply.children import ChildApplier
from shop_operator.apply.result import ApplyError, ApplyResult
from shop_operator.conditions.assess import Condition, assess, only
from shop_operator.conditions.readiness import leaving
from shop_operator.conditions.route import route
from shop_operator.conditions.status import status_of
from shop_operator.conditions.workload import begins_rollout, rollout, says_ready
from shop_operator.deletion import Deletion, TemporaryError
from shop_operator.metadata import API_VERSION, FINALIZER, Manifest
from shop_operator.peers import Peers
from shop_operator.recorder import EventRecorder
from shop_operator.render import render
from shop_operator.route_registry import RouteRegistry
from shop_operator.settings import Settings
from shop_operator.spec import InvalidSpecError, Key, ShopService, parse, parse_or_unread
from shop_operator.status_writer import StatusWriter
from shop_operator.stores.external import Record
from shop_operator.stores.ownership import Plan, entries
from shop_operator.stores.provisioner import Provisioner
from shop_operator.stores.provisioning import Provisioned
from shop_operator.stores.rotation import PODS_SECONDS, needed_by_pods
from shop_operator.stores.rotation import report as report_rotation

_WAITS: Final = frozenset({"OutboxMissing", "NotOwned", "Rejected", "Forbidden", "ScopeChanged"})
"""Reasons that no watch reports the end of, so that the key is requeued."""
_LOGIN_KINDS: Final = frozenset({"Secret", "Role", "RoleBinding"})
"""What Connect logs in by, as long as a connector has a position to forget."""


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Everything that a reconcile needs."""

    client: ApiClient
    platform: Settings
    services: Mapping[str, Informer]
    """The ShopServices of each namespace."""
    cache: Cache
    gate: WriteGate
    provisioner: Provisioner
    applier: ChildApplier
    recorder: EventRecorder
    status: StatusWriter
    logs: PodLogs
    routes: RouteRegistry
    peers: Peers

    async def reconcile(self, key: Key) -> float | None:
        """Make the live state of one ShopService what its spec declares.

        Returns the seconds after which to look again, None if a watch reports every change.
        Raises TemporaryError, ApiError, NotHolderError.
        """
        services = self.services.get(key.namespace)
        body = None if services is None else services.get(key.name)
        if body is None:
            return None
        try:
            service = parse(body)
        except InvalidSpecError as error:
            service = parse_or_unread(body)
            if not service.deleting:
                await self.status.write_only(service, only("InvalidSpec", str(error)))
                return None
        policy = service.spec.management_policy
        if service.deleting:
            await self._delete(service)
        elif policy == "Paused":
            message = "paused by spec.managementPolicy"
            await self.status.write_only(service, only("Paused", message, status="Unknown"))
        elif policy == "Observe":
            return await self._observe(service)
        else:
            if FINALIZER not in service.finalizers:
                service = await self._add_finalizer(service)
            return await self._converge(service)
        return None

    async def _converge(self, service: ShopService) -> float | None:
        live = list(self.cache.children(service.key))
        async with self.provisioner.open(service) as outside:
            plan = await outside.plan(live)
            service = await self.status.record_external(service, plan)
            provisioned = await outside.provision(plan)
        desired, keep = self._wanted(service, provisioned, live)
        if any(record.kind == KAFKA_CONNECTOR.kind for record in plan.release):
            keep |= _LOGIN_KINDS
        if begins_rollout(service, desired, live):
            service = await self.status.announce_rollout(service)
        result = await self.applier.apply(service, desired, live, keep=keep)
        result.errors += provisioned.errors
        left = await self._release(service, plan, result)
        for drift in result.drifts:
            await self.recorder.record(service, "DriftCorrected", f"{drift}; put right")
        result.recheck_after(self.provisioner.recheck_seconds(service))
        if provisioned.rotation is not None:
            result.recheck_after(provisioned.rotation.recheck)
        return await self._report(service, provisioned, result, left)

    async def _observe(self, service: ShopService) -> float | None:
        """Report what would be written, and write nothing but the status."""
        live = list(self.cache.children(service.key))
        async with self.provisioner.open(service) as outside:
            provisioned = await outside.look_up(live)
        desired, keep = self._wanted(service, provisioned, live)
        result = await self.applier.apply(service, desired, live, keep=keep, write=False)
        return await self._report(service, provisioned, result, None)

    async def _delete(self, service: ShopService) -> None:
        """Remove everything that belongs to a deleted ShopService, then its finalizer."""
        if says_ready(service):
            message = "it is being deleted, with what belongs to it"
            service = await self.status.write_only(service, only("Deleting", message)) or service
        deletion = Deletion(
            client=self.client,
            cache=self.cache,
            gate=self.gate,
            provisioner=self.provisioner,
            applier=self.applier,
            recorder=self.recorder,
        )
        error = await deletion.run(service)
        if error is not None:
            await self.status.write_only(service, only(error.reason, f"deletion waits: {error}"))
            raise TemporaryError(str(error))

    def _wanted(
        self, service: ShopService, provisioned: Provisioned, live: Sequence[Manifest]
    ) -> tuple[list[Manifest], frozenset[str]]:
        """Return the desired children, and the kinds that must not be pruned now.

        Children that can't be rendered because a store does not answer stay as they are. Of those
        in Kafka's namespace, only what is known to be this service's is applied.
        """
        routed = self.routes.with_won_paths(service)
        desired = [
            child
            for child in render(routed, self.platform, provisioned.access)
            if child["metadata"]["namespace"] == service.namespace
            or (child["kind"], child["metadata"]["name"]) in provisioned.applicable
        ]
        keep: set[str] = set()
        if not provisioned.access.complete(service):
            keep |= _LOGIN_KINDS
        has_connector = any(child["kind"] == "KafkaConnector" for child in live)
        if not provisioned.outbox_ready and not has_connector:
            desired = [child for child in desired if child["kind"] != "KafkaConnector"]
        return desired, frozenset(keep)

    async def _add_finalizer(self, service: ShopService) -> ShopService:
        """Add the finalizer, before anything is created that only it removes."""
        names = {"name": service.name, "namespace": service.namespace, "uid": service.uid}
        metadata = names | {"finalizers": [FINALIZER]}
        applied = {"apiVersion": API_VERSION, "kind": SHOP_SERVICE.kind, "metadata": metadata}
        body = await self.gate.write(self.client.apply(applied))
        self.status.observe_write(service, body)
        return parse(body)

    async def _release(self, service: ShopService, plan: Plan, result: ApplyResult) -> list[Record]:
        """Release what is no longer declared; return what `status.external` is to say now."""
        kept = needed_by_pods(plan.release, result, self.cache.of(POD, service.key))
        result.recheck_after(PODS_SECONDS if kept else None)
        release = [record for record in plan.release if record not in kept]
        if not release:
            return plan.records
        left, error = await self.provisioner.release(service, release)
        if error is not None:
            first = left[0]
            result.errors.append(
                ApplyError(first.kind, first.name, error.reason, str(error), temporary=True)
            )
        gone = {record.identity for record in release} - {each.identity for each in left}
        return [record for record in plan.records if record.identity not in gone]

    async def _report(
        self,
        service: ShopService,
        provisioned: Provisioned,
        result: ApplyResult,
        records: Sequence[Record] | None,
    ) -> float | None:
        """Write the conditions; return the seconds after which time alone may change them.

        Raises TemporaryError if something is missing that no watch reports, ApiError.
        """
        pods = rollout(service, result.live, self.cache.of(POD, service.key))
        if pods.log is not None:
            line = await self.logs.last_line(pods.log)
            pods = pods.with_log(redacted(line, provisioned.access.passwords()))
        way_in = route(service, self.platform, result, self.routes.view(service))
        found = await self.peers.look(service)
        result.absent_peers, result.closed_peers = found.absent, found.closed
        result.recheck_after(found.recheck)
        going = leaving(self.cache.children(service.key), result)
        conditions = assess(service, provisioned, result, pods, way_in, going=going)
        reached_at = None if way_in is None else way_in.url
        status = status_of(service, result, conditions, reached_at=reached_at)
        if records is not None:
            status["external"] = entries(records)
        elif "external" in service.status:
            status["external"] = service.status["external"]
        await report_rotation(self.recorder, service, status, provisioned.rotation)
        await self.status.write(service, status, conditions)
        _raise_if_incomplete(provisioned, result, conditions)
        result.recheck_after(pods.recheck)
        return result.recheck


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
    for condition in conditions:
        if condition.reason in _WAITS:
            raise TemporaryError(condition.message)
