"""The heart: what changed goes on the queue, workers pass over it while the Lease is held."""

import asyncio
import time
from typing import Final

import structlog

from shop_operator.accounts import Stores
from shop_operator.announce import Announcer
from shop_operator.api_errors import ApiError
from shop_operator.cache import Cache, NotHolderError
from shop_operator.cluster import Cluster
from shop_operator.informer import Informer
from shop_operator.kinds import CONFIG_MAP, SHOP_SERVICE, Kind
from shop_operator.lease import Lease
from shop_operator.metrics import RECONCILE_SECONDS, RETRIES, SERVICES
from shop_operator.reconcile import Reconciler, TemporaryError
from shop_operator.routing import RouteTable
from shop_operator.settings import Settings
from shop_operator.spec import Key
from shop_operator.sync import Sync
from shop_operator.work_queue import WorkQueue

_log = structlog.get_logger()
_TABLE: Final = ""
"""The name in the key of a namespace's route table; no ShopService has it."""
_TABLE_SECONDS: Final = 0.5
"""How long changes of routes are gathered: the table names all services, and is written whole."""


class Operator:
    """All that runs between start and stop."""

    def __init__(self, cluster: Cluster, platform: Settings, *, identity: str) -> None:
        self._platform = platform
        self._queue: WorkQueue[Key] = WorkQueue()
        self._holding = asyncio.Event()
        self.lease = Lease(
            cluster,
            namespace=platform.operator_namespace,
            name=platform.lease_name,
            identity=identity,
            seconds=platform.lease_seconds,
            gained=self._gained,
        )
        self._cache = Cache(cluster, platform, self._changed, may_write=lambda: self.lease.held)
        self._services = {
            namespace: Informer(
                cluster, SHOP_SERVICE, namespace, self._changed, seconds=platform.resync_seconds
            )
            for namespace in platform.namespaces
        }
        stores = Stores(cluster, platform)
        announcer = Announcer(cluster, self._cache, identity=identity)
        self._reconcilers = {
            namespace: Reconciler(
                cluster=cluster,
                platform=platform,
                services=services,
                cache=self._cache,
                stores=stores,
                sync=Sync(cluster, self._cache),
                announcer=announcer,
            )
            for namespace, services in self._services.items()
        }
        self._tables = {
            namespace: RouteTable(cluster, self._cache, services, platform)
            for namespace, services in self._services.items()
        }

    @property
    def ready(self) -> bool:
        """Whether every kind was listed once: from then on it can take over at any time."""
        informers = [*self._cache.informers(), *self._services.values()]
        return all(informer.synced.is_set() for informer in informers)

    def noticed(self, key: Key, version: int) -> None:
        """Have a ShopService looked at that another watch saw, unless it is known already."""
        services = self._services.get(key.namespace)
        if services is not None and not services.knows(key.name, version):
            self._queue.add(key)

    async def run(self) -> None:
        """Watch and work until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for informer in (*self._cache.informers(), *self._services.values()):
                    tasks.create_task(informer.run())
                await self._cache.synced()
                for informer in self._services.values():
                    await informer.synced.wait()
                tasks.create_task(self.lease.run())
                for _ in range(self._platform.workers):
                    tasks.create_task(self._work())
        finally:
            self._queue.close()

    async def stop(self) -> None:
        """Give the Lease back, so that another takes over at once."""
        try:
            await self.lease.release()
        except ApiError as error:
            _log.warning("lease not released", error=str(error))

    def _changed(self, kind: Kind, name: str, key: Key | None) -> None:
        """Put on the queue what a change of an object may concern."""
        if not name:  # a kind became known
            for services in self._services.values():
                for each in services.owners():
                    self._queue.add(each)
            return
        if kind is CONFIG_MAP:
            for namespace in self._services:
                self._queue.add(Key(namespace, _TABLE))
            return
        if key is None:
            return
        if key.namespace in self._services:
            # What a person changed goes before what controllers report.
            self._queue.add(key, first=kind is SHOP_SERVICE and self.lease.held)
        if kind is SHOP_SERVICE:
            SERVICES.set(sum(map(len, self._services.values())))
            self._queue.add_after(Key(key.namespace, _TABLE), _TABLE_SECONDS)

    def _gained(self) -> None:
        """Look at everything: what the former holder left unfinished is finished."""
        for namespace, services in self._services.items():
            for key in services.owners():
                self._queue.add(key)
            self._queue.add(Key(namespace, _TABLE))
        self._holding.set()

    async def _work(self) -> None:
        while True:
            if not self.lease.held:
                self._holding.clear()
                await self._holding.wait()
            key = await self._queue.get()
            started = time.perf_counter()
            outcome = await self._pass(key)
            RECONCILE_SECONDS.labels(outcome).observe(time.perf_counter() - started)
            self._queue.done(key)

    async def _pass(self, key: Key) -> str:
        try:
            if key.name == _TABLE:
                await self._tables[key.namespace].keep()
            else:
                await self._reconcilers[key.namespace].reconcile(key)
        except NotHolderError:
            self._queue.add_after(key, 1.0)
            return "not_holder"
        except TemporaryError as error:
            return self._put_off(key, "waiting", str(error), error.at_least)
        except ApiError as error:
            return self._put_off(key, "api_error", str(error), error.retry_after or 0.0)
        except Exception as error:  # noqa: BLE001 - a bug in one pass must not stop the others
            _log.error("pass failed", key=str(key), exc_info=True)
            return self._put_off(key, "bug", repr(error), 0.0)
        self._queue.forgive(key)
        return "done"

    def _put_off(self, key: Key, outcome: str, error: str, at_least: float) -> str:
        RETRIES.inc()
        seconds = self._queue.retry(key, at_least=at_least)
        _log.info("put off", key=str(key), why=outcome, error=error, seconds=round(seconds, 2))
        return outcome
