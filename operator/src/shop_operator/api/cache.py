"""The live state of every kind that the operator manages, read from informers."""

import asyncio
from collections.abc import Iterable, Iterator

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError
from shop_operator.api.informer import Changed, Failed, Informer
from shop_operator.api.kinds import IN_KAFKA_NAMESPACE, IN_SERVICE_NAMESPACES, Kind
from shop_operator.api.schemas import FieldSchema, Schemas
from shop_operator.metadata import Manifest
from shop_operator.settings import Settings
from shop_operator.spec import Key


class Cache:
    """One informer for each child kind and namespace. Namespaces come and go."""

    def __init__(self, client: ApiClient, platform: Settings, changed: Changed) -> None:
        self._client = client
        self._platform = platform
        self._changed = changed
        self._informers: dict[tuple[Kind, str], Informer] = {}
        self._by_name: dict[tuple[str, str, str], Informer] = {}
        self._ending: set[str] = set()
        self.schemas = Schemas(client, seconds=platform.resync_seconds)
        self.kafka = self._add(IN_KAFKA_NAMESPACE, platform.kafka_namespace, lambda: None)

    def add(self, namespace: str, failed: Failed) -> list[Informer]:
        """Add a namespace of services; return its informers, to be run."""
        return self._add(IN_SERVICE_NAMESPACES, namespace, failed)

    def remove(self, namespace: str) -> None:
        """Forget a namespace of services."""
        for kind in IN_SERVICE_NAMESPACES:
            self._informers.pop((kind, namespace), None)
            self._by_name.pop((kind.api_version, kind.kind, namespace), None)
        self._ending.discard(namespace)

    def set_ending(self, namespaces: Iterable[str]) -> None:
        """Remember which namespaces are being deleted."""
        self._ending = set(namespaces)

    def is_ending(self, namespace: str) -> bool:
        """Return True if a namespace is being deleted, and all that is in it."""
        return namespace in self._ending

    async def wait_until_settled(self) -> None:
        """Wait until each kind was listed, or could not be."""
        waits = [informer.settled.wait() for informer in self._informers.values()]
        await asyncio.gather(*waits, self.schemas.loaded.wait())

    @property
    def synced(self) -> bool:
        """True once each kind in Kafka's namespace was listed."""
        return all(informer.synced.is_set() for informer in self.kafka)

    def children(self, key: Key) -> Iterator[Manifest]:
        """Yield the live children of a ShopService, without pods: its Deployment owns those."""
        places = [(kind, key.namespace) for kind in IN_SERVICE_NAMESPACES if kind.kind != "Pod"]
        places += [(kind, self._platform.kafka_namespace) for kind in IN_KAFKA_NAMESPACE]
        for place in places:
            informer = self._informers.get(place)
            if informer is not None:
                yield from informer.of(key)

    def unowned(self, kind: Kind, namespace: str) -> Iterator[Manifest]:
        """Yield the objects of a kind that belong to no ShopService, where those are kept too."""
        informer = self._informers.get((kind, namespace))
        return iter(()) if informer is None else informer.of(None)

    def of(self, kind: Kind, key: Key) -> list[Manifest]:
        """Return the ShopService's objects of one kind in its own namespace."""
        informer = self._informers.get((kind, key.namespace))
        return [] if informer is None else list(informer.of(key))

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return an object by name, or None."""
        informer = self._informers.get((kind, namespace))
        return None if informer is None else informer.get(name)

    def schema(self, kind: Kind) -> FieldSchema | None:
        """Return how the API server merges a kind's fields, or None if that is not known."""
        return self.schemas.of(kind)

    def missing(self, kind: Kind) -> bool:
        """Return True if the API server does not know the kind: its CRD is not installed."""
        return any(informer.missing for (k, _), informer in self._informers.items() if k is kind)

    def unreadable(self, kind: Kind, namespace: str) -> ApiError | None:
        """Return why a kind can't be read in a namespace, or None if it can."""
        informer = self._informers.get((kind, namespace))
        return None if informer is None else informer.unreadable

    def observe_write(self, body: Manifest) -> None:
        """Store the answer to a write, so that reads see it before the watch reports it."""
        place = body["apiVersion"], body["kind"], body["metadata"].get("namespace", "")
        informer = self._by_name.get(place)
        if informer is not None:
            informer.observe_write(body)

    def _add(self, kinds: Iterable[Kind], namespace: str, failed: Failed) -> list[Informer]:
        seconds = self._platform.resync_seconds
        found = []
        for kind in kinds:
            informer = Informer(
                self._client, kind, namespace, self._changed, seconds=seconds, failed=failed
            )
            self._informers[kind, namespace] = informer
            if not kind.selector:
                self._by_name[kind.api_version, kind.kind, namespace] = informer
            found.append(informer)
        return found
