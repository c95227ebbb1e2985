"""The live state of every kind that the operator manages, read from informers."""

import asyncio
from collections.abc import Iterator

from shop_operator.api.api_client import ApiClient
from shop_operator.api.informer import Changed, Informer
from shop_operator.api.kinds import IN_KAFKA_NAMESPACE, IN_SERVICE_NAMESPACES, Kind
from shop_operator.api.schemas import FieldSchema, Schemas
from shop_operator.metadata import Manifest
from shop_operator.settings import Settings
from shop_operator.spec import Key


class Cache:
    """One informer for each child kind and namespace."""

    def __init__(self, client: ApiClient, platform: Settings, changed: Changed) -> None:
        places = {
            (kind, namespace) for namespace in platform.namespaces for kind in IN_SERVICE_NAMESPACES
        } | {(kind, platform.kafka_namespace) for kind in IN_KAFKA_NAMESPACE}
        self._informers = {
            (kind, namespace): Informer(
                client, kind, namespace, changed, seconds=platform.resync_seconds
            )
            for kind, namespace in sorted(places, key=str)
        }
        self.schemas = Schemas(client, seconds=platform.resync_seconds)
        self._by_name = {
            (kind.api_version, kind.kind, namespace): informer
            for (kind, namespace), informer in self._informers.items()
            if not kind.selector
        }

    def informers(self) -> list[Informer]:
        """Return all informers, to be run."""
        return list(self._informers.values())

    async def wait_until_synced(self) -> None:
        """Wait until each kind was listed once."""
        await asyncio.gather(*(informer.synced.wait() for informer in self._informers.values()))

    def children(self, key: Key) -> Iterator[Manifest]:
        """Yield the live children of a ShopService, without pods: its Deployment owns those."""
        for (kind, _), informer in self._informers.items():
            if kind.kind != "Pod":
                yield from informer.of(key)

    def unowned(self, kind: Kind, namespace: str) -> Iterator[Manifest]:
        """Yield the objects of a kind that belong to no ShopService, where those are kept too."""
        return self._informers[kind, namespace].of(None)

    def of(self, kind: Kind, key: Key) -> list[Manifest]:
        """Return the ShopService's objects of one kind in its own namespace."""
        return list(self._informers[kind, key.namespace].of(key))

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return an object by name, or None."""
        return self._informers[kind, namespace].get(name)

    def schema(self, kind: Kind) -> FieldSchema | None:
        """Return how the API server merges a kind's fields, or None if that is not known."""
        return self.schemas.of(kind)

    def missing(self, kind: Kind) -> bool:
        """Return True if the API server does not know the kind: its CRD is not installed."""
        return any(informer.missing for (k, _), informer in self._informers.items() if k is kind)

    def observe_write(self, body: Manifest) -> None:
        """Store the answer to a write, so that reads see it before the watch reports it."""
        place = body["apiVersion"], body["kind"], body["metadata"].get("namespace", "")
        informer = self._by_name.get(place)
        if informer is not None:
            informer.observe_write(body)
