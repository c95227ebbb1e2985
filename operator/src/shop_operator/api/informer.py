"""A local copy of all objects of one kind in one namespace, kept current by list and watch.

Every watch ends after a while and a full list follows, which finds what the watch missed.
Objects are stored as JSON bytes, a tenth of the memory that dictionaries need.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
import structlog

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError, NotFoundError
from shop_operator.api.kinds import IN_KAFKA_NAMESPACE, NAMESPACE, POD, SHOP_SERVICE, Kind
from shop_operator.api.managed_fields import keep_others
from shop_operator.api.pods import essentials, same_essentials
from shop_operator.metadata import MANAGED_BY_LABEL, MANAGER, Manifest, key_of
from shop_operator.metrics import LISTS, WATCH_SEEN
from shop_operator.spec import Key

_MISSING_SECONDS = 3.0
"""Pause between lists of a kind whose CRD is not installed."""
_SHORTEST_SECONDS = 0.5
"""A watch that ends sooner than this has failed and is restarted with backoff."""
_WHOLE = frozenset({SHOP_SERVICE, NAMESPACE, *IN_KAFKA_NAMESPACE})
"""Kinds that are watched without a label: in Kafka's namespace, other people's names count too."""
_FORBIDDEN = 403
_SETTLED_AFTER = 4
"""Failures in a row, some 5 s, after which others no longer wait for this kind to be listed."""
_log = structlog.get_logger()

Failed = Callable[[], None]
"""Called when a failure begins, changes or ends."""
Changed = Callable[[Kind, str, Key | None], None]
"""Called with the kind, the object's name and the key of the ShopService that it belongs to.

An empty name means that the kind can be read now: its CRD was installed, or the right given."""


@dataclass(frozen=True, slots=True)
class _Entry:
    version: int
    key: Key | None
    body: bytes


class Informer:
    """A kind's objects in a namespace: those with our label, or all where `_WHOLE` has the kind."""

    def __init__(  # noqa: PLR0913 - what it reads, then whom it tells
        self,
        client: ApiClient,
        kind: Kind,
        namespace: str,
        changed: Changed,
        *,
        seconds: float,
        failed: Failed = lambda: None,
    ) -> None:
        self.kind = kind
        self.namespace = namespace
        self.missing = False
        self.revision = 0
        """Grows with every change of what is stored."""
        self.synced = asyncio.Event()
        self.settled = asyncio.Event()
        """Set once the objects were listed, or could not be."""
        self._failures = 0
        self.failure: ApiError | None = None
        """Why the last list or watch failed; None while all is well."""
        self._client = client
        self._changed = changed
        self._failed = failed
        self._seconds = seconds
        ours = "" if kind in _WHOLE else f"{MANAGED_BY_LABEL}={MANAGER}"
        self._labels = kind.selector or ours
        self._entries: dict[str, _Entry] = {}
        self._by_key: defaultdict[Key | None, set[str]] = defaultdict(set)
        self._seen = 0

    def get(self, name: str) -> Manifest | None:
        """Return an object by name."""
        entry = self._entries.get(name)
        return None if entry is None else _parsed(entry)

    def of(self, key: Key | None) -> Iterator[Manifest]:
        """Yield the objects of a ShopService, or with None those that belong to none."""
        for name in sorted(self._by_key.get(key, ())):
            yield _parsed(self._entries[name])

    def versions(self) -> Iterator[tuple[str, int]]:
        """Yield the name and version of each object."""
        for name, entry in self._entries.items():
            yield name, entry.version

    def __len__(self) -> int:
        """Count the objects."""
        return len(self._entries)

    def owners(self) -> set[Key]:
        """Return the ShopServices that have objects here."""
        return {key for key in self._by_key if key is not None}

    def observe_write(self, body: Manifest) -> None:
        """Store the answer to a write, unless the watch has already seen a newer version.

        Nothing is notified: the writer knows. The watch then reports the same version, which is
        not news either, so a reconcile that writes does not cause another.
        """
        if _version(body) > self._seen:
            self._put(body, notify=False)

    async def run(self) -> None:
        """List and watch until cancelled, with backoff while the server does not answer."""
        pause = 0.5
        while True:
            try:
                await self._list_and_watch()
                pause = 0.5
            except NotFoundError:
                self._mark_kind_missing()
                await asyncio.sleep(_MISSING_SECONDS)
            except ApiError as error:
                self._fail(error)
                jitter = random.uniform(0.5, 1)  # noqa: S311 - jitter
                await asyncio.sleep(max(error.retry_after or 0, pause * jitter))
                pause = min(pause * 2, 15.0)

    @property
    def unreadable(self) -> ApiError | None:
        """Why what is stored here can't be relied on: never listed, or no longer allowed to."""
        is_known = self.synced.is_set() or not self.settled.is_set()
        if self.failure is None or (is_known and self.failure.status != _FORBIDDEN):
            return None
        return self.failure

    def _fail(self, error: ApiError) -> None:
        """Remember a failure; it is logged when it begins, not each time that it is met again."""
        is_news = self.failure is None or self.failure.status != error.status
        self.failure = error
        self._failures += 1
        if error.status == _FORBIDDEN or self._failures >= _SETTLED_AFTER:
            self.settled.set()
        # A namespace that can't be read is one warning of the controller's, not one a kind.
        level = "debug" if error.status == _FORBIDDEN or not is_news else "warning"
        getattr(_log, level)(
            "watch failed",
            kind=self.kind.kind,
            namespace=self.namespace,
            status=error.status,
            error=str(error),
        )
        if is_news:
            self._failed()

    async def _list_and_watch(self) -> None:
        version = await self._list()
        seconds = max(1, round(self._seconds * random.uniform(0.8, 1.2)))  # noqa: S311 - jitter
        began = time.monotonic()
        async for event, body in self._client.watch(
            self.kind, self.namespace, version=version, labels=self._labels, seconds=seconds
        ):
            self._touch()
            self._seen = max(self._seen, _version(body))
            if event == "DELETED":
                self._drop(body["metadata"]["name"])
            elif event != "BOOKMARK":
                self._put(body)
        if time.monotonic() - began < _SHORTEST_SECONDS:
            raise ApiError(0, f"watch of {self.kind} ended as soon as it began")

    async def _list(self) -> str:
        found = await self._read(recent=not self.synced.is_set())
        if _version(found) < self._seen:
            # An API server's cache is stale, or etcd was restored from a backup: ask etcd itself.
            found = await self._read(recent=True)
            if _version(found) < self._seen:
                self._go_back()
        self._replace(found.get("items") or (), _version(found))
        self._touch()
        return str(found["metadata"]["resourceVersion"])

    async def _read(self, *, recent: bool) -> Manifest:
        LISTS.labels(self.kind.kind).inc()
        return await self._client.list(
            self.kind, self.namespace, labels=self._labels, recent=recent
        )

    def _go_back(self) -> None:
        """Have whatever is listed next replace what is stored: its versions count no more."""
        _log.warning("etcd was restored", kind=self.kind.kind, namespace=self.namespace)
        self._seen = 0
        self._entries = {name: replace(e, version=0) for name, e in self._entries.items()}

    def _touch(self) -> None:
        WATCH_SEEN.labels(self.kind.kind, self.namespace).set_to_current_time()

    def _replace(self, items: "list[Manifest] | tuple[()]", version: int) -> None:
        was_unreadable = self.missing or self.unreadable is not None
        self.missing, failure, self.failure = False, self.failure, None
        self._failures = 0
        names = {body["metadata"]["name"] for body in items}
        for name in self._entries.keys() - names:
            if self._entries[name].version <= version:
                self._drop(name)
        for body in items:
            self._put(body)
        self._seen = version
        self.synced.set()
        self.settled.set()
        if failure is not None:
            self._failed()
        if was_unreadable:
            _log.info("kind is readable now", kind=self.kind.kind, namespace=self.namespace)
            self._changed(self.kind, "", None)

    def _put(self, body: Manifest, *, notify: bool = True) -> None:
        metadata = body["metadata"]
        name, version = metadata["name"], _version(body)
        old = self._entries.get(name)
        if old is not None and old.version >= version:
            return
        keep_others(metadata)
        # The items of a list have no apiVersion and kind.
        body |= {"apiVersion": self.kind.api_version, "kind": self.kind.kind}
        key = Key(self.namespace, name) if self.kind is SHOP_SERVICE else key_of(body)
        kept = essentials(body) if self.kind is POD else body
        entry = _Entry(version, key, _packed(kept))
        if old is not None and old.key != key:
            self._forget(name, old.key)
            self._changed(self.kind, name, old.key)
        self._entries[name] = entry
        self.revision += 1
        self._by_key[key].add(name)
        if notify and (old is None or self.kind is not POD or not _same_pod(old, entry)):
            self._changed(self.kind, name, key)

    def _drop(self, name: str) -> None:
        old = self._entries.pop(name, None)
        if old is not None:
            self.revision += 1
            self._forget(name, old.key)
            self._changed(self.kind, name, old.key)

    def _forget(self, name: str, key: Key | None) -> None:
        names = self._by_key[key]
        names.discard(name)
        if not names:
            del self._by_key[key]

    def _mark_kind_missing(self) -> None:
        """Mark the kind as missing (its CRD is not installed) and drop its objects."""
        if not self.missing:
            self.missing = True
            _log.info("kind is not known to the server", kind=self.kind.kind)
        for name in list(self._entries):
            self._drop(name)
        self._seen = 0
        self.synced.set()
        self.settled.set()


def _packed(body: Manifest) -> bytes:
    """Return JSON of just its own size: what orjson returns keeps the 16 KiB it was written in."""
    return bytes(memoryview(orjson.dumps(body)))


def _parsed(entry: _Entry) -> Manifest:
    found: Manifest = orjson.loads(entry.body)
    return found


def _version(body: Mapping[str, Any]) -> int:
    return int(body["metadata"]["resourceVersion"])


def _same_pod(old: _Entry, new: _Entry) -> bool:
    return same_essentials(_parsed(old), _parsed(new))
