"""Brings the live children to what is desired: apply what differs, prune what is not wanted."""

import contextlib
import hashlib
from collections.abc import Iterable
from typing import Final

import orjson
import structlog

from shop_operator.api_errors import ApiError, ConflictError, NotFoundError
from shop_operator.cache import Cache
from shop_operator.children.autoscaler import replicas_to_hand_over
from shop_operator.children.kafka_topic import RETAIN_ANNOTATION
from shop_operator.children.metadata import APPLIED_ANNOTATION, Manifest
from shop_operator.cluster import Cluster
from shop_operator.diff import differences
from shop_operator.kinds import KAFKA_TOPIC, kind_of
from shop_operator.metrics import DRIFT
from shop_operator.outcome import Drift, Outcome, drift_of, is_ours, not_owned, refusal_of
from shop_operator.spec import ShopService

_log = structlog.get_logger()
_INVALID: Final = 422
_BOOKKEEPING: Final = frozenset({"apiVersion", "kind", "metadata"})
_HAND_OVER: Final = "shop-operator-hand-over"
"""Field manager that holds a Deployment's replicas until an autoscaler sets them."""
Identity = tuple[str, str, str, str]


def identity(manifest: Manifest) -> Identity:
    """Return what a child is known by: API version, kind, namespace, name."""
    metadata = manifest["metadata"]
    return manifest["apiVersion"], manifest["kind"], metadata["namespace"], metadata["name"]


def stamped(manifest: Manifest) -> Manifest:
    """Return the manifest with a hash of itself, by which a new wish is told from drift.

    It also makes fields go that are no longer wished for: live has them, so no comparison of
    wished fields would see them, but the hash differs and server-side apply then removes them.
    """
    digest = hashlib.sha256(orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS)).hexdigest()
    metadata = manifest["metadata"]
    annotations = metadata.get("annotations", {}) | {APPLIED_ANNOTATION: digest[:16]}
    return manifest | {"metadata": metadata | {"annotations": annotations}}


class Sync:
    """Writes children, from what the cache knows of them."""

    def __init__(self, cluster: Cluster, cache: Cache) -> None:
        self._cluster = cluster
        self._cache = cache

    async def children(
        self,
        service: ShopService,
        desired: Iterable[Manifest],
        *,
        keep: frozenset[str] = frozenset(),
        write: bool = True,
    ) -> Outcome:
        """Apply the desired children and prune the others, except those of the kinds to keep.

        Raises NotHolderError.
        """
        outcome = Outcome()
        live = {identity(manifest): manifest for manifest in self._cache.children(service.key)}
        wanted = {identity(manifest): manifest for manifest in map(stamped, desired)}
        if write:
            await self._hand_over_replicas(wanted.values(), live.values())
        for child, manifest in wanted.items():
            kind = kind_of(manifest)
            if self._cache.missing(kind):
                if kind.kind not in outcome.missing_kinds:
                    outcome.missing_kinds.append(kind.kind)
                continue
            try:
                if write:
                    found = await self._keep(service, manifest, live.get(child), outcome)
                else:
                    found = await self._compare(service, manifest, live.get(child), outcome)
            except ApiError as error:
                outcome.refusals.append(refusal_of(manifest, error))
                found = live.get(child)
            if found is not None:
                outcome.live.append(found)
        for child, manifest in live.items():
            if child not in wanted and manifest["kind"] not in keep:
                await self._prune(service, manifest, outcome, write=write)
        return outcome

    async def _keep(
        self, service: ShopService, manifest: Manifest, live: Manifest | None, outcome: Outcome
    ) -> Manifest | None:
        """Make the live child as desired; return it, or None when it is another's."""
        if live is None:
            try:
                made = await self._cache.write(self._cluster.apply_new(manifest))
            except ConflictError:
                # Not in the cache of what is ours: another's, or ours with its labels gone.
                live = await self._lookup(service, manifest, outcome)
                if live is None and not outcome.refuses(manifest):
                    raise
            else:
                _put_right(service, drift_of(service, manifest, None), outcome)
                return _as_applied(manifest, made)
        if live is None or "deletionTimestamp" in live["metadata"]:
            return live  # when it has gone, the watch says so
        fields = differences(manifest, live)
        if not fields:
            return live
        _put_right(service, drift_of(service, manifest, fields), outcome)
        return _as_applied(manifest, await self._apply(manifest))

    async def _compare(
        self, service: ShopService, manifest: Manifest, live: Manifest | None, outcome: Outcome
    ) -> Manifest | None:
        """Note what would be written; return the live child."""
        if live is None:
            live = await self._lookup(service, manifest, outcome)
            if live is None and outcome.refuses(manifest):
                return None
        fields = None if live is None else differences(manifest, live)
        if fields == [] or (live is not None and "deletionTimestamp" in live["metadata"]):
            return live
        drift = drift_of(service, manifest, fields)
        if drift is not None:
            outcome.drifts.append(drift)
        what = f"change {fields[0]} of" if fields else "create"
        outcome.pending.append(f"{what} {manifest['kind']} {manifest['metadata']['name']}")
        return live

    async def _apply(self, manifest: Manifest) -> Manifest:
        """Apply; where another's change makes that invalid, write over it first.

        Lists with keys are merged: a port that another renumbered stays beside the desired one,
        and no Service may have two of one name.
        """
        try:
            return await self._cache.write(self._cluster.apply(manifest))
        except ApiError as error:
            if error.status != _INVALID:
                raise
        metadata = manifest["metadata"]
        kind, namespace, name = kind_of(manifest), metadata["namespace"], metadata["name"]
        body = {part: value for part, value in manifest.items() if part not in _BOOKKEEPING}
        await self._cache.write(self._cluster.merge(kind, namespace, name, body))
        return await self._cache.write(self._cluster.apply(manifest))

    async def _hand_over_replicas(
        self, wanted: Iterable[Manifest], live: Iterable[Manifest]
    ) -> None:
        """Give the number of pods away before it is no longer wished for.

        A field that its only owner stops applying is removed, and the API server's default is one
        pod. Source: Kubernetes documentation, "Server-Side Apply", "Transferring ownership".
        """
        handed = replicas_to_hand_over(wanted, live)
        if handed is not None:
            with contextlib.suppress(ConflictError, NotFoundError):  # somebody else's, or no more
                request = self._cluster.apply(handed, manager=_HAND_OVER, force=False)
                await self._cache.write(request)

    async def _lookup(
        self, service: ShopService, manifest: Manifest, outcome: Outcome
    ) -> Manifest | None:
        """Return a child that the cache does not have; refuse one that is another's."""
        metadata = manifest["metadata"]
        kind = kind_of(manifest)
        try:
            live = await self._cluster.get(kind, metadata["namespace"], metadata["name"])
        except NotFoundError:
            return None
        if is_ours(service, live):
            return live
        outcome.refusals.append(not_owned(manifest, live))
        return None

    async def _prune(
        self, service: ShopService, manifest: Manifest, outcome: Outcome, *, write: bool
    ) -> None:
        kind, name = kind_of(manifest), manifest["metadata"]["name"]
        if not write:
            outcome.pending.append(f"delete {kind} {name}")
            return
        try:
            await self._delete(service, manifest)
        except ApiError as error:
            outcome.refusals.append(refusal_of(manifest, error))

    async def _delete(self, service: ShopService, manifest: Manifest) -> None:
        metadata = manifest["metadata"]
        if "deletionTimestamp" in metadata:
            return
        kind, namespace, name = kind_of(manifest), metadata["namespace"], metadata["name"]
        if kind is KAFKA_TOPIC and name not in _dropped_topics(service):
            patch = {"metadata": {"annotations": RETAIN_ANNOTATION}}
            await self._cache.write(self._cluster.merge(kind, namespace, name, patch))
        await self._cache.write(self._cluster.delete(kind, namespace, name, uid=metadata["uid"]))
        _log.info("pruned", key=str(service.key), kind=kind.kind, name=name)


def _put_right(service: ShopService, drift: Drift | None, outcome: Outcome) -> None:
    if drift is not None:
        outcome.drifts.append(drift)
        DRIFT.labels(drift.kind).inc()
        key, kind = str(service.key), drift.kind
        _log.info("drift", key=key, kind=kind, name=drift.name, field=drift.field)


def _as_applied(manifest: Manifest, answer: Manifest) -> Manifest:
    """Return the answer to an apply if it is as desired; another pass would apply for ever.

    Raises ApiError.
    """
    again = differences(manifest, answer)
    if again:
        raise ApiError(
            _INVALID,
            f"the API server keeps {again[0]} other than it was applied; is there an "
            "admission webhook that changes it?",
        )
    return answer


def _dropped_topics(service: ShopService) -> set[str]:
    """Return the topics whose data goes with the service; of dead letters, none does."""
    return {topic.topic for topic in service.spec.events.publishes if topic.on_delete == "Drop"}
