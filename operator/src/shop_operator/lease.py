"""Who may write: the holder of a coordination Lease.

A holder that can't renew stops writing before another may take over; a standby judges a holder's
silence by its own clock, as clocks differ between machines.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from shop_operator.api_errors import ApiError, ConflictError, NotFoundError
from shop_operator.children.metadata import Manifest
from shop_operator.cluster import Cluster
from shop_operator.kinds import LEASE
from shop_operator.metrics import LEADER

_log = structlog.get_logger()


class Lease:
    """A Lease that this process holds, or wants."""

    def __init__(  # noqa: PLR0913 - keyword-only, each a fact of the Lease
        self,
        cluster: Cluster,
        *,
        namespace: str,
        name: str,
        identity: str,
        seconds: float,
        gained: Callable[[], None],
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._seconds = seconds
        self._gained = gained
        self._held_until = 0.0
        self._seen: tuple[str, float] = ("", 0.0)

    @property
    def held(self) -> bool:
        """Whether this process may write now."""
        return time.monotonic() < self._held_until

    async def run(self) -> None:
        """Take the Lease when it is free, and renew it, for ever."""
        while True:
            asked = time.monotonic()
            try:
                taken = await self._take()
            except ApiError as error:
                _log.warning("lease not renewed", status=error.status, error=str(error))
            else:
                # Asked now, not before: it may have run out while the server thought.
                was_held = self.held
                # Two thirds: this process has stopped before another's patience ends.
                self._held_until = asked + self._seconds * 2 / 3 if taken else 0.0
                if self.held and not was_held:
                    _log.info("lease taken", identity=self._identity)
                    self._gained()
                elif was_held and not self.held:
                    _log.warning("lease lost", identity=self._identity)
            LEADER.set(self.held)
            await asyncio.sleep(self._seconds / 6)

    async def release(self) -> None:
        """Let another take over at once, when this process stops."""
        if not self.held:
            return
        self._held_until = 0.0
        lease = await self._cluster.get(LEASE, self._namespace, self._name)
        if lease["spec"].get("holderIdentity") == self._identity:
            lease["spec"]["holderIdentity"] = ""
            await self._cluster.replace(LEASE, lease)

    async def _take(self) -> bool:
        try:
            lease = await self._cluster.get(LEASE, self._namespace, self._name)
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
            await self._cluster.replace(LEASE, lease)
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
            await self._cluster.create(LEASE, self._namespace, lease)
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
