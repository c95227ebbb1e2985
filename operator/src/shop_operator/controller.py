"""The controller: changes put keys on one queue, workers reconcile them while the Lease is held."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

import structlog

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError
from shop_operator.api.cache import Cache
from shop_operator.api.kinds import CONFIG_MAP, ENTRY_SERVICE, LEASE, SHOP_SERVICE, Kind
from shop_operator.api.lease import Lease
from shop_operator.api.pod_logs import PodLogs
from shop_operator.api.write_gate import NotHolderError, WriteGate
from shop_operator.apply.children import ChildApplier
from shop_operator.conditions.unmet import UnmetConditions
from shop_operator.deletion import TemporaryError
from shop_operator.gateway_reports import GatewayReports
from shop_operator.metrics import RECONCILE_SECONDS, RETRIES, SERVICES
from shop_operator.parsed_services import ParsedServices
from shop_operator.peers import Peers
from shop_operator.reconcile import Reconciler
from shop_operator.recorder import EventRecorder
from shop_operator.route_registry import RouteRegistry
from shop_operator.routing import RouteTable
from shop_operator.scopes import MISSING, READY, TERMINATING, Scope, Scopes
from shop_operator.settings import Settings
from shop_operator.spec import Key
from shop_operator.status_writer import StatusWriter
from shop_operator.stores.provisioner import Provisioner
from shop_operator.work_queue import WorkQueue

_log = structlog.get_logger()
_SETTLE_SECONDS: Final = 30.0
_TABLE_SECONDS: Final = 0.5
"""How long changes of routes are collected: the table lists all services and is written whole."""


@dataclass(frozen=True, slots=True)
class RouteTableRequest:
    """A request to reconcile the route table of a namespace, and who names whom in it."""

    namespace: str


Request = Key | RouteTableRequest
"""What the queue holds: the key of a ShopService, or a namespace's route table."""


class Controller:
    """Owns the informers, the queue and the workers between start and stop."""

    def __init__(self, client: ApiClient, platform: Settings, *, identity: str) -> None:
        self._platform = platform
        self._queue: WorkQueue[Request] = WorkQueue()
        self._holding = asyncio.Event()
        self.lease = Lease(
            client,
            namespace=platform.operator_namespace,
            name=platform.lease_name,
            identity=identity,
            seconds=platform.lease_seconds,
            on_started_leading=self._on_started_leading,
        )
        self._cache = Cache(client, platform, self._enqueue_for)
        gate = WriteGate(self._cache, may_write=lambda: self.lease.held)
        recorder = EventRecorder(client, gate, identity=identity)
        self._recorder = recorder
        self._tasks: asyncio.TaskGroup | None = None
        self._scopes = Scopes(
            client=client,
            platform=platform,
            cache=self._cache,
            changed=self._enqueue_for,
            started=self._enqueue_all,
            reported=self._report,
        )
        reports = GatewayReports(self._cache)
        self._unmet = UnmetConditions(self._scopes.services)
        self.services = ParsedServices(self._scopes.services)
        """Every ShopService that is known and can be read."""
        routes = RouteRegistry(
            services=self.services, cache=self._cache, platform=platform, reports=reports
        )
        self._routes = routes
        self._peers = Peers(client, self._cache, self.services, platform)
        self._reconciler = Reconciler(
            client=client,
            platform=platform,
            services=self._scopes.services,
            cache=self._cache,
            gate=gate,
            provisioner=Provisioner(
                client=client,
                cache=self._cache,
                gate=gate,
                settings=platform,
                services=self.services,
            ),
            applier=ChildApplier(client, self._cache, gate),
            recorder=recorder,
            status=StatusWriter(client, self._scopes.services, gate, recorder),
            logs=PodLogs(client),
            routes=routes,
            peers=self._peers,
        )
        self._table = RouteTable(
            client=client, cache=self._cache, gate=gate, registry=routes, reports=reports
        )

    @property
    def ready(self) -> bool:
        """True once this process can take over at any time.

        Each kind was listed, in all namespaces that can be read.
        """
        return self._cache.synced and all(
            scope.synced or (scope.settled and scope.state != READY) for scope in self._scopes
        )

    @property
    def leads(self) -> bool:
        """True while this process holds the Lease."""
        return self.lease.held

    async def run(self) -> None:
        """Watch and reconcile until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                for informer in self._cache.kafka:
                    tasks.create_task(informer.run())
                tasks.create_task(self._cache.schemas.run())
                self._scopes.run(tasks)
                await self._wait_until_settled()
                tasks.create_task(self.lease.run())
                for _ in range(self._platform.workers):
                    tasks.create_task(self._work())
        finally:
            self._tasks = None
            self._queue.close()

    async def _wait_until_settled(self) -> None:
        """Wait until everything was read that can be, but not for ever: what is read late waits."""
        try:
            async with asyncio.timeout(_SETTLE_SECONDS):
                await self._cache.wait_until_settled()
                await self._scopes.wait_until_settled()
        except TimeoutError:
            _log.warning("not everything was read yet", seconds=_SETTLE_SECONDS)

    async def stop(self) -> None:
        """Release the Lease, so that a standby takes over at once."""
        try:
            await self.lease.release()
        except ApiError as error:
            _log.warning("lease not released", error=str(error))

    def _enqueue_for(self, kind: Kind, name: str, key: Key | None) -> None:
        """Enqueue what the change of an object may concern."""
        if not name:  # a kind can be read now
            self._cache.schemas.refresh_soon()
            for scope in self._scopes:
                self._enqueue_all(scope.namespace)
            return
        if kind in {CONFIG_MAP, ENTRY_SERVICE}:
            for scope in self._scopes:
                self._queue.add(RouteTableRequest(scope.namespace))
            return
        if key is None:
            return
        if key.namespace in self._scopes.services:
            # What a person changed goes before what other controllers report.
            self._queue.add(key, first=kind is SHOP_SERVICE and self.lease.held)
        if kind is SHOP_SERVICE:
            SERVICES.set(sum(map(len, self._scopes.services.values())))
            self._unmet.look(key)
            for scope in self._scopes:  # all meet at one edge
                self._queue.add_after(RouteTableRequest(scope.namespace), _TABLE_SECONDS)

    def _enqueue_all(self, namespace: str) -> None:
        """Enqueue a namespace's ShopServices and its route table."""
        services = self._scopes.services.get(namespace)
        if services is not None:
            for key in services.owners():
                self._queue.add(key)
            self._queue.add(RouteTableRequest(namespace))

    def _on_started_leading(self) -> None:
        """Enqueue everything: the former holder may have left some of it unfinished."""
        for scope in self._scopes:
            self._enqueue_all(scope.namespace)
            if scope.state != READY:
                self._report(scope)
        self._holding.set()

    def _report(self, scope: Scope) -> None:
        """Record an Event about a namespace that is not, or is again, as it should be."""
        if self._tasks is not None and self.lease.held:
            self._tasks.create_task(self._record(scope.namespace, scope.state, scope.message))

    async def _record(self, namespace: str, state: str, message: str) -> None:
        """Record it about the Lease: the namespace itself may not be there, or takes no Events."""
        regarding = {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "namespace": self._platform.operator_namespace,
            "name": self._platform.lease_name,
        }
        try:
            await self._recorder.record_about(
                regarding,
                f"Namespace{state}",
                f"namespace {namespace}: {message}",
                warning=state != READY,
            )
        except NotHolderError:
            return  # the next holder records it

    async def _work(self) -> None:
        task = asyncio.current_task()
        # A library may go on when it is cancelled: `asyncio.wait_for` did, before Python 3.12, if
        # what it waited for came in the same moment.
        while task is not None and not task.cancelling():
            if not self.lease.held:
                self._holding.clear()
                await self._holding.wait()
            request = await self._queue.get()
            started = time.perf_counter()
            outcome = await self._reconcile_key(request)
            if isinstance(request, Key):  # the watch does not tell of what was written here
                self._unmet.look(request)
            RECONCILE_SECONDS.labels(outcome).observe(time.perf_counter() - started)
            self._queue.done(request)

    async def _reconcile_key(self, request: Request) -> str:
        """Reconcile once; return the outcome, a label of the metric."""
        try:
            again = None
            if not self._may_reconcile(request):
                self._queue.forget(request)
                return "not_kept"
            if isinstance(request, RouteTableRequest):
                again = await self._reconcile_table(request.namespace)
            else:
                again = await self._reconciler.reconcile(request)
                if self._routes.is_gateway(request) or self._routes.awaits_gateway(request):
                    # Its status, which this process wrote, decides about those behind it; and what
                    # its pods do not serve yet is asked for again.
                    self._queue.add_after(RouteTableRequest(request.namespace), _TABLE_SECONDS)
        except NotHolderError:
            self._queue.add_after(request, 1.0)
            return "not_holder"
        except TemporaryError as error:
            return self._requeue(request, "waiting", str(error), error.at_least)
        except ApiError as error:
            return self._requeue(request, "api_error", str(error), error.retry_after or 0.0)
        except Exception as error:  # noqa: BLE001 - a bug met by one key must not stop the others
            _log.error("reconcile failed", key=str(request), exc_info=True)
            return self._requeue(request, "bug", repr(error), 0.0)
        self._queue.forget(request)
        if again is not None and again > 0:
            self._queue.add_after(request, again)
        return "done"

    async def _reconcile_table(self, namespace: str) -> float | None:
        """Write the route table; enqueue whose way in, or whose peers, are others now."""
        for key in self._peers.outdated(namespace):
            self._queue.add(key)
        outdated, again = await self._table.reconcile(namespace)
        for key in outdated:
            self._queue.add(key)
        return again

    def _may_reconcile(self, request: Request) -> bool:
        """Return False where nothing is to be done, or not yet: its scope enqueues it then."""
        scope = self._scopes.get(request.namespace)
        if scope is None or not scope.settled:
            return False
        if isinstance(request, RouteTableRequest):
            return scope.state == READY
        if scope.state == MISSING:
            return False
        if scope.state != TERMINATING:
            return True
        body = scope.services.get(request.name)
        return body is not None and "deletionTimestamp" in body["metadata"]

    def _requeue(self, request: Request, outcome: str, error: str, at_least: float) -> str:
        RETRIES.inc()
        seconds = self._queue.retry(request, at_least=at_least)
        _log.info("requeued", key=str(request), why=outcome, error=error, seconds=round(seconds, 2))
        return outcome
