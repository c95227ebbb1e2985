"""The namespaces whose ShopServices are kept: listed in the settings or labelled, live.

Each is a scope of its own. One that can't be read, or is being deleted, stops only itself.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from shop_operator.api.api_client import ApiClient
from shop_operator.api.cache import Cache
from shop_operator.api.informer import Changed, Informer
from shop_operator.api.kinds import NAMESPACE, SHOP_SERVICE, Kind
from shop_operator.metadata import Manifest
from shop_operator.metrics import NAMESPACE_STATE
from shop_operator.settings import Settings
from shop_operator.spec import Key

_log = structlog.get_logger()
READY: Final = "Ready"
UNREADABLE: Final = "Unreadable"
TERMINATING: Final = "Terminating"
MISSING: Final = "Missing"
_STATES: Final = (READY, UNREADABLE, TERMINATING, MISSING)


@dataclass(slots=True)
class Scope:
    """One namespace of services."""

    namespace: str
    services: Informer
    informers: list[Informer]
    state: str = READY
    message: str = ""
    tasks: "list[asyncio.Task[None]]" = field(default_factory=list)

    @property
    def settled(self) -> bool:
        """True once each kind was listed, or could not be."""
        return all(informer.settled.is_set() for informer in (self.services, *self.informers))

    @property
    def synced(self) -> bool:
        """True once each kind was listed."""
        return all(informer.synced.is_set() for informer in (self.services, *self.informers))


class Scopes:
    """Starts and stops scopes as namespaces come and go, and says what is wrong with one."""

    def __init__(  # noqa: PLR0913 - keyword-only, what it works with
        self,
        *,
        client: ApiClient,
        platform: Settings,
        cache: Cache,
        changed: Changed,
        started: Callable[[str], None],
        reported: Callable[[Scope], None],
    ) -> None:
        self._client = client
        self._platform = platform
        self._cache = cache
        self._changed = changed
        self._started = started
        self._reported = reported
        self._scopes: dict[str, Scope] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self.services: dict[str, Informer] = {}
        """The ShopServices of each namespace; the same object for as long as this lives."""
        self._namespaces = Informer(
            client,
            NAMESPACE,
            "",
            self._on_namespace,
            seconds=platform.resync_seconds,
            failed=self._on_namespaces_failed,
        )
        for namespace in platform.namespaces:
            self._add(namespace)

    def __iter__(self) -> Iterator[Scope]:
        """Yield the scopes there are now."""
        return iter(list(self._scopes.values()))

    def get(self, namespace: str) -> Scope | None:
        """Return the scope of a namespace, or None."""
        return self._scopes.get(namespace)

    def run(self, tasks: asyncio.TaskGroup) -> None:
        """Start watching, as tasks of a group."""
        self._tasks = tasks
        tasks.create_task(self._namespaces.run())
        tasks.create_task(self._assess_all_once_listed())
        for scope in self:
            self._start(scope)

    async def wait_until_settled(self) -> None:
        """Wait until all namespaces are known, and each was read or could not be."""
        await self._namespaces.settled.wait()
        for scope in self:
            for informer in (scope.services, *scope.informers):
                await informer.settled.wait()

    async def _assess_all_once_listed(self) -> None:
        """Tell the missing namespaces from the unreadable ones, which needs the list of all."""
        await self._namespaces.synced.wait()
        for scope in self:
            self._assess(scope.namespace)

    def _add(self, namespace: str) -> Scope:
        def failed() -> None:
            self._assess(namespace)

        services = Informer(
            self._client,
            SHOP_SERVICE,
            namespace,
            self._changed,
            seconds=self._platform.resync_seconds,
            failed=failed,
        )
        scope = Scope(namespace, services, self._cache.add(namespace, failed))
        self._scopes[namespace] = scope
        for state in _STATES:
            NAMESPACE_STATE.labels(namespace, state).set(0)
        self.services[namespace] = services
        return scope

    def _start(self, scope: Scope) -> None:
        if self._tasks is None:
            return
        for informer in (scope.services, *scope.informers):
            scope.tasks.append(self._tasks.create_task(informer.run()))
        scope.tasks.append(self._tasks.create_task(self._announce(scope)))

    async def _announce(self, scope: Scope) -> None:
        """Say that a scope can be reconciled, once it was read."""
        for informer in (scope.services, *scope.informers):
            await informer.settled.wait()
        self._assess(scope.namespace)
        self._started(scope.namespace)

    def _remove(self, namespace: str) -> None:
        scope = self._scopes.pop(namespace)
        for task in scope.tasks:
            task.cancel()
        del self.services[namespace]
        self._cache.remove(namespace)
        for key in scope.services.owners():  # gone, as far as this operator is concerned
            self._changed(SHOP_SERVICE, key.name, key)
        for state in _STATES:
            NAMESPACE_STATE.remove(namespace, state)
        _log.info("namespace no longer kept", namespace=namespace)

    def _on_namespace(self, kind: Kind, name: str, key: Key | None) -> None:
        """Follow a namespace that came, changed or went; all, when they can be read again."""
        _ = kind, key
        for each in [name] if name else [scope.namespace for scope in self]:
            body = self._namespaces.get(each)
            is_kept = each in self._platform.namespaces or self._is_labelled(body)
            if is_kept and each not in self._scopes:
                _log.info("namespace kept", namespace=each)
                self._start(self._add(each))
            elif not is_kept and each in self._scopes:
                self._remove(each)
        self._cache.set_ending(
            scope.namespace for scope in self if _is_ending(self._namespaces.get(scope.namespace))
        )
        for scope in self:
            self._assess(scope.namespace)

    def _on_namespaces_failed(self) -> None:
        failure = self._namespaces.failure
        if failure is not None and not self._namespaces.synced.is_set():
            _log.warning("namespaces can't be listed: labels are not followed", error=str(failure))

    def _is_labelled(self, body: Manifest | None) -> bool:
        wanted: Mapping[str, str] = self._platform.namespace_labels
        labels = {} if body is None else body["metadata"].get("labels") or {}
        return bool(wanted) and wanted.items() <= labels.items()

    def _assess(self, namespace: str) -> None:
        """Find the state of a scope; log and count it, and tell of it if it has changed."""
        scope = self._scopes.get(namespace)
        if scope is None:
            return
        before = scope.state
        scope.state, scope.message = self._state(scope)
        for state in _STATES:
            NAMESPACE_STATE.labels(namespace, state).set(state == scope.state)
        if scope.state == before:
            return
        level = "info" if scope.state == READY else "warning"
        getattr(_log, level)(
            "namespace state", namespace=namespace, state=scope.state, why=scope.message
        )
        self._reported(scope)
        if scope.state == READY:
            self._started(namespace)

    def _state(self, scope: Scope) -> tuple[str, str]:
        if self._namespaces.synced.is_set():
            body = self._namespaces.get(scope.namespace)
            if body is None:
                return MISSING, "there is no such namespace"
            if _is_ending(body):
                return TERMINATING, "it is being deleted; its ShopServices are let go"
        for informer in (scope.services, *scope.informers):
            problem = informer.unreadable
            if problem is not None:
                return UNREADABLE, f"{informer.kind}: {problem}"
        return READY, "every kind can be read"


def _is_ending(body: Manifest | None) -> bool:
    return body is not None and "deletionTimestamp" in body["metadata"]
