"""Writes the status of ShopServices: only if it differs, and only of the version that was read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ConflictError, NotFoundError
from shop_operator.api.informer import Informer
from shop_operator.api.write_gate import WriteGate
from shop_operator.conditions.assess import TAKES_TIME, Condition, announced
from shop_operator.conditions.status import announcing_status, brief_status, manifest
from shop_operator.deletion import TemporaryError
from shop_operator.metadata import Manifest
from shop_operator.recorder import EventRecorder
from shop_operator.spec import ShopService, parse, parse_or_unread
from shop_operator.stores.ownership import Plan, entries


@dataclass(frozen=True, slots=True)
class StatusWriter:
    """Writes statuses. Every method that writes raises ApiError, NotHolderError."""

    client: ApiClient
    services: Mapping[str, Informer]
    """The ShopServices of each namespace."""
    gate: WriteGate
    recorder: EventRecorder
    _untold: dict[str, Manifest] = field(default_factory=dict)
    """By uid, a `lastDrift` whose write failed: it is put right, so it is not found again."""

    async def write(
        self, service: ShopService, status: Manifest, conditions: Sequence[Condition]
    ) -> ShopService | None:
        """Write the status if it differs, and record an Event if Ready changed.

        Returns the ShopService as it is then; None if it was deleted, recreated or changed
        meanwhile, which the watch reports.
        """
        told = service.status.get("lastDrift")
        if service.uid in self._untold and status.get("lastDrift") == told:
            status = status | {"lastDrift": self._untold[service.uid]}
        if status == service.status:
            return service
        if status.get("lastDrift") != told:
            self._untold[service.uid] = status["lastDrift"]
        try:
            body = await self.gate.write(self.client.apply_status(manifest(service, status)))
        except NotFoundError:
            self._untold.pop(service.uid, None)
            return None
        except ConflictError:
            return None
        self._untold.pop(service.uid, None)
        self.observe_write(service, body)
        before = {c["type"]: c for c in service.status.get("conditions") or ()}.get("Ready", {})
        ready = conditions[0]
        changed = (ready.status, ready.reason) != (before.get("status"), before.get("reason"))
        if changed and ready.reason not in TAKES_TIME:
            warning = ready.status == "False"
            await self.recorder.record(service, ready.reason, ready.message, warning=warning)
        return parse_or_unread(body)

    async def write_only(
        self, service: ShopService, conditions: Sequence[Condition]
    ) -> ShopService | None:
        """Write the conditions of a ShopService that is not reconciled; all else stays."""
        return await self.write(service, brief_status(service, conditions), conditions)

    async def announce_rollout(self, service: ShopService) -> ShopService:
        """Write Ready=False before the Deployment changes; return the ShopService as it is then.

        Whoever waits for Ready must not see the old True beside the new Deployment.
        Raises TemporaryError if the ShopService changed meanwhile.
        """
        conditions = announced("the pods are about to be replaced")
        status = announcing_status(service, conditions)
        written = await self.write(service, status, conditions)
        if written is None:
            raise TemporaryError("the ShopService changed meanwhile")
        return written

    async def record_external(self, service: ShopService, plan: Plan) -> ShopService:
        """Write `status.external` before anything new is made outside the namespace.

        Raises TemporaryError if the ShopService changed meanwhile.
        """
        known = {(e["store"], e["kind"], e["name"]) for e in service.status.get("external") or ()}
        if not any(identity not in known for identity in plan.made):
            return service
        status = service.status | {"external": entries(plan.records)}
        try:
            body = await self.gate.write(self.client.apply_status(manifest(service, status)))
        except (NotFoundError, ConflictError) as error:
            raise TemporaryError(f"the ShopService changed meanwhile: {error}") from error
        self.observe_write(service, body)
        return parse(body)

    def observe_write(self, service: ShopService, body: Manifest) -> None:
        """Have the informer know at once what was written of a ShopService."""
        if service.namespace in self.services:  # else it was given up meanwhile
            self.services[service.namespace].observe_write(body)
