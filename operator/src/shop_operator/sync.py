"""Brings the live children to what is desired: apply what differs, prune what is not wanted."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import orjson
import structlog

from shop_operator.cache import Cache
from shop_operator.children.kafka_topic import RETAIN_ANNOTATION
from shop_operator.children.metadata import APPLIED_ANNOTATION, Manifest, key_of
from shop_operator.cluster import ApiError, Cluster, NotFoundError
from shop_operator.diff import differences
from shop_operator.kinds import KAFKA_TOPIC, SHOP_SERVICE, kind_of
from shop_operator.metrics import DRIFT
from shop_operator.spec import Key, ShopService

_log = structlog.get_logger()
_INVALID: Final = 422
_BOOKKEEPING: Final = frozenset({"apiVersion", "kind", "metadata"})
Identity = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Drift:
    """A child that another hand changed; `field` is empty when it was deleted."""

    kind: str
    name: str
    field: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A child that could not be written, and why."""

    kind: str
    name: str
    reason: str
    message: str
    temporary: bool = False
    retry_after: float = 0.0


@dataclass(slots=True)
class Outcome:
    """What a pass over the children found and did."""

    live: list[Manifest] = field(default_factory=list)
    drifts: list[Drift] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    missing_kinds: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    """What would be written, where nothing may be."""


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
        for child, manifest in wanted.items():
            kind = kind_of(manifest)
            if self._cache.missing(kind):
                if kind.kind not in outcome.missing_kinds:
                    outcome.missing_kinds.append(kind.kind)
                continue
            try:
                found = await self._child(service, manifest, live.get(child), outcome, write=write)
            except ApiError as error:
                outcome.refusals.append(_refusal(manifest, error))
                found = live.get(child)
            if found is not None:
                outcome.live.append(found)
        for child, manifest in live.items():
            if child in wanted or manifest["kind"] in keep:
                continue
            if not write:
                outcome.pending.append(f"delete {manifest['kind']} {manifest['metadata']['name']}")
                continue
            try:
                await self._prune(service, manifest)
            except ApiError as error:
                outcome.refusals.append(_refusal(manifest, error))
        return outcome

    async def _child(
        self,
        service: ShopService,
        manifest: Manifest,
        live: Manifest | None,
        outcome: Outcome,
        *,
        write: bool,
    ) -> Manifest | None:
        name = manifest["metadata"]["name"]
        if live is None:
            # Not in the cache of what is ours: it may be another's, or ours with its labels gone.
            live = await self._lookup(manifest)
            if live is not None and not _is_ours(service, live):
                outcome.refusals.append(_not_owned(manifest, live))
                return None
        if live is not None and "deletionTimestamp" in live["metadata"]:
            return live  # when it has gone, the watch says so
        fields = [] if live is None else differences(manifest, live)
        if live is not None and not fields:
            return live
        drift = _drift(service, manifest, live, fields)
        if drift is not None:
            outcome.drifts.append(drift)
        if not write:
            what = "create" if live is None else f"change {fields[0]} of"
            outcome.pending.append(f"{what} {manifest['kind']} {name}")
            return live
        if drift is not None:
            DRIFT.labels(drift.kind).inc()
            _log.info("drift", key=str(service.key), kind=drift.kind, name=name, field=drift.field)
        applied = await self._apply(manifest, live)
        again = differences(manifest, applied)
        if again:
            raise ApiError(
                422,
                f"the API server keeps {again[0]} other than it was applied; is there an "
                "admission webhook that changes it?",
            )
        return applied

    async def _apply(self, manifest: Manifest, live: Manifest | None) -> Manifest:
        """Apply; where another's change makes that invalid, write over it first.

        Lists with keys are merged: a port that another renumbered stays beside the desired one,
        and no Service may have two of one name.
        """
        try:
            return await self._cache.write(self._cluster.apply(manifest))
        except ApiError as error:
            if error.status != _INVALID or live is None:
                raise
        metadata = manifest["metadata"]
        kind, namespace, name = kind_of(manifest), metadata["namespace"], metadata["name"]
        body = {part: value for part, value in manifest.items() if part not in _BOOKKEEPING}
        await self._cache.write(self._cluster.merge(kind, namespace, name, body))
        return await self._cache.write(self._cluster.apply(manifest))

    async def _lookup(self, manifest: Manifest) -> Manifest | None:
        metadata = manifest["metadata"]
        try:
            return await self._cluster.get(
                kind_of(manifest), metadata["namespace"], metadata["name"]
            )
        except NotFoundError:
            return None

    async def _prune(self, service: ShopService, manifest: Manifest) -> None:
        metadata = manifest["metadata"]
        if "deletionTimestamp" in metadata:
            return
        kind, namespace, name = kind_of(manifest), metadata["namespace"], metadata["name"]
        if kind is KAFKA_TOPIC and name not in _dropped_topics(service):
            patch = {"metadata": {"annotations": RETAIN_ANNOTATION}}
            await self._cache.write(self._cluster.merge(kind, namespace, name, patch))
        await self._cache.write(self._cluster.delete(kind, namespace, name, uid=metadata["uid"]))
        _log.info("pruned", key=str(service.key), kind=kind.kind, name=name)


def _dropped_topics(service: ShopService) -> set[str]:
    """Return the topics whose data goes with the service; of dead letters, none does."""
    return {topic.topic for topic in service.spec.events.publishes if topic.on_delete == "Drop"}


def _is_ours(service: ShopService, live: Manifest) -> bool:
    if key_of(live) == service.key:
        return True
    references = live["metadata"].get("ownerReferences") or ()
    return any(reference["uid"] == service.uid for reference in references)


def _drift(
    service: ShopService, manifest: Manifest, live: Manifest | None, fields: list[str]
) -> Drift | None:
    """Return the drift, or None when the difference is a wish that was not applied yet."""
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    if live is None:
        known = service.status.get("children") or ()
        was_there = any(child["kind"] == kind and child["name"] == name for child in known)
        return Drift(kind, name, "") if was_there else None
    annotation = f"metadata.annotations.{APPLIED_ANNOTATION}"
    return None if annotation in fields else Drift(kind, name, fields[0])


def _not_owned(manifest: Manifest, live: Manifest) -> Refusal:
    kind, metadata = manifest["kind"], manifest["metadata"]
    key: Key | None = key_of(live)
    whose = f"belongs to {SHOP_SERVICE} {key}" if key else "was made by somebody else"
    return Refusal(
        kind,
        metadata["name"],
        "NotOwned",
        f"{kind} {metadata['namespace']}/{metadata['name']} {whose}; rename one of the two, or "
        "delete the other so that this one can be made",
    )


def _refusal(manifest: Manifest, error: ApiError) -> Refusal:
    reason = {403: "Forbidden", 422: "Rejected", 400: "Rejected"}.get(error.status, "ApiError")
    return Refusal(
        manifest["kind"],
        manifest["metadata"]["name"],
        reason,
        str(error),
        temporary=error.temporary,
        retry_after=error.retry_after or 0.0,
    )
