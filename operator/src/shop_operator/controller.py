"""The controller: changes put keys on one queue, workers reconcile them while the Lease is held."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import structlog

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError
from shop_operator.api.cache import Cache
from shop_operator.api.informer import Informer
from shop_operator.api.kinds import CONFIG_MAP, ENTRY_SERVICE, SHOP_SERVICE, Kind
from shop_operator.api.lease import Lease
from shop_operator.api.pod_logs import PodLogs
from shop_operator.api.write_gate import NotHolderError, WriteGate
from shop_operator.apply.children import ChildApplier
from shop_operator.deletion import TemporaryError
from shop_operator.metrics import RECONCILE_SECONDS, RETRIES, SERVICES
from shop_operator.reconcile import Reconciler
from shop_operator.recorder import EventRecorder
from shop_operator.route_registry import RouteRegistry
from shop_operator.routing import RouteTable
from shop_operator.settings import Settings
from shop_operator.spec import InvalidSpecError, Key, ShopService, parse
from shop_operator.stores.provisioner import Provisioner
from shop_operator.work_queue import WorkQueue

_log = structlog.get_logger()
_TABLE_SECONDS: Final = 0.5
"""How long changes of routes are collected: the table lists all services and is written whole."""


@dataclass(frozen=True, slots=True)
class RouteTableRequest:
    """A request to reconcile the route table of a namespace."""

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
        self._services = {
            namespace: Informer(
                client, SHOP_SERVICE, namespace, self._enqueue_for, seconds=platform.resync_seconds
            )
            for namespace in platform.namespaces
        }
        provisioner = Provisioner(client=client, cache=self._cache, gate=gate, settings=platform)
        recorder = EventRecorder(client, gate, identity=identity)
        logs = PodLogs(client)
        routes = RouteRegistry(services=self._services, cache=self._cache, platform=platform)
        self._routes = routes
        self._reconcilers = {
            namespace: Reconciler(
                client=client,
                platform=platform,
                services=services,
                cache=self._cache,
                gate=gate,
                provisioner=provisioner,
                applier=ChildApplier(client, self._cache, gate),
                recorder=recorder,
                logs=logs,
                routes=routes,
            )
            for namespace, services in self._services.items()
        }
        self._tables = {
            namespace: RouteTable(
                client=client,
                cache=self._cache,
                gate=gate,
                registry=routes,
                namespace=namespace,
                name=platform.route_table,
            )
            for namespace in self._services
        }

    @property
    def ready(self) -> bool:
        """True once every kind was listed: from then on this process can take over at any time."""
        informers = [*self._cache.informers(), *self._services.values()]
        return all(informer.synced.is_set() for informer in informers)

    def shop_services(self) -> Iterator[ShopService]:
        """Yield every ShopService that is known and can be read."""
        for informer in self._services.values():
            for name, _ in informer.versions():
                body = informer.get(name)
                with contextlib.suppress(InvalidSpecError):  # its own reconcile reports that
                    if body is not None:
                        yield parse(body)

    def enqueue_if_newer(self, key: Key, version: int) -> None:
        """Enqueue a ShopService reported by Kopf's watch.

        Does nothing if the informer already holds this resource version or a newer one.
        """
        services = self._services.get(key.namespace)
        if services is not None and not services.knows(key.name, version):
            self._queue.add(key)

    async def run(self) -> None:
        """Watch and reconcile until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for informer in (*self._cache.informers(), *self._services.values()):
                    tasks.create_task(informer.run())
                tasks.create_task(self._cache.schemas.run())
                await self._cache.wait_until_synced()
                await self._cache.schemas.loaded.wait()
                for informer in self._services.values():
                    await informer.synced.wait()
                tasks.create_task(self.lease.run())
                for _ in range(self._platform.workers):
                    tasks.create_task(self._work())
        finally:
            self._queue.close()

    async def stop(self) -> None:
        """Release the Lease, so that a standby takes over at once."""
        try:
            await self.lease.release()
        except ApiError as error:
            _log.warning("lease not released", error=str(error))

    def _enqueue_for(self, kind: Kind, name: str, key: Key | None) -> None:
        """Enqueue what the change of an object may concern."""
        if not name:  # the CRD of a kind was installed
            self._cache.schemas.refresh_soon()
            for services in self._services.values():
                for each in services.owners():
                    self._queue.add(each)
            return
        if kind in {CONFIG_MAP, ENTRY_SERVICE}:
            for namespace in self._services:
                self._queue.add(RouteTableRequest(namespace))
            return
        if key is None:
            return
        if key.namespace in self._services:
            # What a person changed goes before what other controllers report.
            self._queue.add(key, first=kind is SHOP_SERVICE and self.lease.held)
        if kind is SHOP_SERVICE:
            SERVICES.set(sum(map(len, self._services.values())))
            for namespace in self._services:  # all meet at one edge
                self._queue.add_after(RouteTableRequest(namespace), _TABLE_SECONDS)

    def _on_started_leading(self) -> None:
        """Enqueue everything: the former holder may have left some of it unfinished."""
        for namespace, services in self._services.items():
            for key in services.owners():
                self._queue.add(key)
            self._queue.add(RouteTableRequest(namespace))
        self._holding.set()

    async def _work(self) -> None:
        while True:
            if not self.lease.held:
                self._holding.clear()
                await self._holding.wait()
            request = await self._queue.get()
            started = time.perf_counter()
            outcome = await self._reconcile_key(request)
            RECONCILE_SECONDS.labels(outcome).observe(time.perf_counter() - started)
            self._queue.done(request)

    async def _reconcile_key(self, request: Request) -> str:
        """Reconcile once; return the outcome, a label of the metric."""
        try:
            again = None
            if isinstance(request, RouteTableRequest):
                for key in await self._tables[request.namespace].reconcile():
                    self._queue.add(key)
            else:
                again = await self._reconcilers[request.namespace].reconcile(request)
                if self._routes.is_gateway(request):
                    # Its status, which this process wrote, decides about those behind it.
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

    def _requeue(self, request: Request, outcome: str, error: str, at_least: float) -> str:
        RETRIES.inc()
        seconds = self._queue.retry(request, at_least=at_least)
        _log.info("requeued", key=str(request), why=outcome, error=error, seconds=round(seconds, 2))
        return outcome
