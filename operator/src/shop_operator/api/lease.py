"""Leader election: only the holder of a coordination Lease may write.

A holder that can't renew stops writing before another may take over; a standby judges a holder's
silence by its own clock, as clocks differ between machines.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError, ConflictError, NotFoundError
from shop_operator.api.kinds import LEASE
from shop_operator.metadata import Manifest
from shop_operator.metrics import LEADER

_log = structlog.get_logger()


class Lease:
    """Acquires and renews the Lease."""

    def __init__(  # noqa: PLR0913 - keyword-only, each a fact of the Lease
        self,
        client: ApiClient,
        *,
        namespace: str,
        name: str,
        identity: str,
        seconds: float,
        on_started_leading: Callable[[], None],
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._seconds = seconds
        self._on_started_leading = on_started_leading
        self._held_until = 0.0
        self._seen: tuple[str, float] = ("", 0.0)

    @property
    def held(self) -> bool:
        """True while this process may write."""
        return time.monotonic() < self._held_until

    async def run(self) -> None:
        """Acquire the Lease once it is free and renew it, until cancelled."""
        while True:
            asked = time.monotonic()
            try:
                taken = await self._take()
            except ApiError as error:
                _log.warning("lease not renewed", status=error.status, error=str(error))
            else:
                # Read now, not before the request: it may have expired during the request.
                was_held = self.held
                # Two thirds: this process stops writing before another may take over.
                self._held_until = asked + self._seconds * 2 / 3 if taken else 0.0
                if self.held and not was_held:
                    _log.info("lease taken", identity=self._identity)
                    self._on_started_leading()
                elif was_held and not self.held:
                    _log.warning("lease lost", identity=self._identity)
            LEADER.set(self.held)
            await asyncio.sleep(self._seconds / 6)

    async def release(self) -> None:
        """Release the Lease, so that another process takes over at once. Raises ApiError."""
        if not self.held:
            return
        self._held_until = 0.0
        lease = await self._client.get(LEASE, self._namespace, self._name)
        if lease["spec"].get("holderIdentity") == self._identity:
            lease["spec"]["holderIdentity"] = ""
            await self._client.replace(LEASE, lease)

    async def _take(self) -> bool:
        try:
            lease = await self._client.get(LEASE, self._namespace, self._name)
        except NotFoundError:
            return await self._create()
        spec = lease.setdefault("spec", {})
        holder = spec.get("holderIdentity")
        if holder != self._identity:
            if holder and not self._silent(lease["metadata"]["resourceVersion"]):
                return False
            spec["leaseTransitions"] = spec.get("leaseTransitions", 0) + 1
            spec["acquireTime"] = _now()
        spec |= self._spec()
        try:
            await self._client.replace(LEASE, lease)
        except ConflictError:
            return False
        return True

    def _silent(self, version: str) -> bool:
        seen, since = self._seen
        if seen != version:
            self._seen = (version, time.monotonic())
            return False
        return time.monotonic() - since > self._seconds

    async def _create(self) -> bool:
        lease: Manifest = {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": self._spec() | {"acquireTime": _now(), "leaseTransitions": 0},
        }
        try:
            await self._client.create(LEASE, self._namespace, lease)
        except ConflictError:
            return False
        return True

    def _spec(self) -> Manifest:
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": round(self._seconds),
            "renewTime": _now(),
        }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
