"""The live state of everything that the operator keeps, and the gate that every write passes."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from shop_operator.children.metadata import Manifest
from shop_operator.cluster import Cluster
from shop_operator.informer import Changed, Informer
from shop_operator.kinds import IN_KAFKA_NAMESPACE, IN_SERVICE_NAMESPACES, Kind
from shop_operator.settings import Settings
from shop_operator.spec import Key

T = TypeVar("T")


class NotHolderError(Exception):
    """The Lease was lost in the middle of a pass; another process writes now."""


class Cache:
    """Informers of all child kinds in their namespaces."""

    def __init__(
        self,
        cluster: Cluster,
        platform: Settings,
        changed: Changed,
        *,
        may_write: Callable[[], bool],
    ) -> None:
        places = {
            (kind, namespace) for namespace in platform.namespaces for kind in IN_SERVICE_NAMESPACES
        } | {(kind, platform.kafka_namespace) for kind in IN_KAFKA_NAMESPACE}
        self._informers = {
            (kind, namespace): Informer(
                cluster, kind, namespace, changed, seconds=platform.resync_seconds
            )
            for kind, namespace in sorted(places, key=str)
        }
        self._by_name = {
            (kind.api_version, kind.kind, namespace): informer
            for (kind, namespace), informer in self._informers.items()
        }
        self._may_write = may_write

    def informers(self) -> list[Informer]:
        """Return all informers, to be run."""
        return list(self._informers.values())

    async def synced(self) -> None:
        """Wait until each kind was listed once."""
        await asyncio.gather(*(informer.synced.wait() for informer in self._informers.values()))

    def children(self, key: Key) -> Iterator[Manifest]:
        """Yield the live children of a ShopService; pods are its Deployment's, not its own."""
        for (kind, _), informer in self._informers.items():
            if kind.kind != "Pod":
                yield from informer.of(key)

    def of(self, kind: Kind, key: Key) -> list[Manifest]:
        """Return the objects of one kind in the ShopService's namespace that belong to it."""
        return list(self._informers[kind, key.namespace].of(key))

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return an object by name."""
        return self._informers[kind, namespace].get(name)

    def missing(self, kind: Kind) -> bool:
        """Whether the server does not know a kind."""
        return any(informer.missing for (k, _), informer in self._informers.items() if k is kind)

    async def write(self, request: Coroutine[Any, Any, T]) -> T:
        """Send a write if this process still holds the Lease, and take its answer in.

        Raises NotHolderError.
        """
        if not self._may_write():
            request.close()
            raise NotHolderError
        answer = await request
        if isinstance(answer, dict) and "kind" in answer:
            place = answer["apiVersion"], answer["kind"], answer["metadata"].get("namespace", "")
            informer = self._by_name.get(place)
            if informer is not None:
                informer.written(answer)
        return answer
