"""Removes what belongs to a deleted ShopService, from what its status remembers."""

from dataclasses import dataclass
from typing import Final

import structlog

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ConflictError, NotFoundError
from shop_operator.api.cache import Cache
from shop_operator.api.kinds import KAFKA_CONNECTOR, SHOP_SERVICE, kind_of
from shop_operator.api.write_gate import WriteGate
from shop_operator.apply.children import ChildApplier
from shop_operator.apply.owner import is_applied
from shop_operator.metadata import FINALIZER
from shop_operator.recorder import EventRecorder
from shop_operator.spec import ShopService
from shop_operator.stores.errors import StoreError
from shop_operator.stores.provisioner import Provisioner

_ORPHAN: Final = "orphan"
"""Kubernetes' finalizer of `kubectl delete --cascade=orphan`."""
_log = structlog.get_logger()


class TemporaryError(Exception):
    """Not done yet, without a bug: the key is requeued, after `at_least` seconds or more."""

    def __init__(self, message: str, *, at_least: float = 0.0) -> None:
        super().__init__(message)
        self.at_least = at_least


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """One try to let a deleted ShopService go."""

    client: ApiClient
    cache: Cache
    gate: WriteGate
    provisioner: Provisioner
    applier: ChildApplier
    recorder: EventRecorder

    async def run(self, service: ShopService) -> StoreError | None:
        """Remove everything, then the finalizer. Return why something outside is left.

        Everything stays if the children are to be orphaned, or if managementPolicy does not allow
        the operator to write. Raises TemporaryError, ApiError, NotHolderError.
        """
        if FINALIZER not in service.finalizers:
            return None
        if await self._is_orphaned(service):
            await self._leave_behind(service, "deleted with --cascade=orphan")
        elif service.spec.management_policy != "Enforce":
            policy = service.spec.management_policy
            await self._leave_behind(service, f"deleted under managementPolicy {policy}")
        else:
            records = self.provisioner.records(service)
            # Connect needs its login for as long as the connector has a position to forget.
            connectors = [r for r in records if r.kind == KAFKA_CONNECTOR.kind]
            left, error = await self.provisioner.release(service, connectors)
            if left:
                return error
            result = await self.applier.apply(service, (), self.cache.children(service.key))
            # What is in a namespace that ends goes with it, and the rights to it went first.
            if result.errors and not self.cache.is_ending(service.namespace):
                raise TemporaryError(result.errors[0].message)
            left, error = await self.provisioner.release(service, records)
            if left:
                return error
        await self._remove_finalizer(service)
        return None

    async def _remove_finalizer(self, service: ShopService) -> None:
        """Remove the operator's finalizer and no other.

        To apply an empty list would remove those of others too, such as the garbage collector's.
        Raises TemporaryError.
        """
        try:
            live = (await self.client.get(SHOP_SERVICE, service.namespace, service.name))[
                "metadata"
            ]
            if live["uid"] != service.uid:
                return  # made anew
            kept = [name for name in live.get("finalizers") or () if name != FINALIZER]
            metadata = {"finalizers": kept, "resourceVersion": live["resourceVersion"]}
            patch = {"metadata": metadata}
            request = self.client.merge(SHOP_SERVICE, service.namespace, service.name, patch)
            await self.gate.write(request)
        except NotFoundError:
            return
        except ConflictError as error:
            raise TemporaryError(f"the ShopService changed meanwhile: {error}") from error

    async def _is_orphaned(self, service: ShopService) -> bool:
        """Return True if the children are to stay.

        The garbage collector removes their owner references and then its finalizer, so without the
        finalizer it shows at any child.
        """
        if _ORPHAN in service.finalizers:
            return True
        if self.cache.is_ending(service.namespace):
            return False
        for child in self.cache.children(service.key):
            metadata = child["metadata"]
            if metadata["namespace"] != service.namespace or "deletionTimestamp" in metadata:
                continue
            try:
                live = await self.client.get(
                    kind_of(child), metadata["namespace"], metadata["name"]
                )
            except NotFoundError:
                continue
            if not is_applied(live):  # somebody copied our labels to an object of their own
                continue
            owners = live["metadata"].get("ownerReferences") or ()
            return not any(owner["uid"] == service.uid for owner in owners)
        return False

    async def _leave_behind(self, service: ShopService, why: str) -> None:
        """Record an Event that names what stays outside the namespace."""
        records = self.provisioner.records(service)
        names = ", ".join(str(record) for record in records) or "nothing"
        _log.info("left behind", key=str(service.key), why=why, names=names)
        note = f"{why}: these stay as they are: {names}"
        await self.recorder.record(service, "LeftBehind", note, warning=bool(records))
