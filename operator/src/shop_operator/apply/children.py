"""Applies the children that differ from the live ones and prunes those no longer desired."""

import contextlib
import hashlib
from collections.abc import Iterable
from typing import Final

import orjson
import structlog

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError, ConflictError, NotFoundError
from shop_operator.api.cache import Cache
from shop_operator.api.kinds import IN_KAFKA_NAMESPACE, kind_of
from shop_operator.api.write_gate import WriteGate
from shop_operator.apply.diff import differences
from shop_operator.apply.owner import controllers, is_applied, is_ours
from shop_operator.apply.result import ApplyResult, Drift, apply_error_of, drift_of, not_owned
from shop_operator.children.autoscaler import replicas_to_hand_over
from shop_operator.metadata import APPLIED_ANNOTATION, Manifest
from shop_operator.metrics import DRIFT
from shop_operator.spec import ShopService

_log = structlog.get_logger()
_INVALID: Final = 422
_RELEASED: Final = frozenset(kind.kind for kind in IN_KAFKA_NAMESPACE)
_BOOKKEEPING: Final = frozenset({"apiVersion", "kind", "metadata"})
_HAND_OVER: Final = "shop-operator-hand-over"
"""Field manager that holds a Deployment's replicas until an autoscaler sets them."""
Identity = tuple[str, str, str, str]


def identity(manifest: Manifest) -> Identity:
    """Return what identifies a child: API version, kind, namespace, name."""
    metadata = manifest["metadata"]
    return manifest["apiVersion"], manifest["kind"], metadata["namespace"], metadata["name"]


def with_applied_hash(manifest: Manifest) -> Manifest:
    """Return the manifest with a hash of itself as an annotation.

    A hash that differs tells a changed spec from drift. It also gets fields removed that are no
    longer desired: a comparison of desired fields does not see them, but the hash differs, the
    manifest is applied, and server-side apply removes what its manager no longer sets.
    """
    digest = hashlib.sha256(orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS)).hexdigest()
    metadata = manifest["metadata"]
    annotations = metadata.get("annotations", {}) | {APPLIED_ANNOTATION: digest[:16]}
    return manifest | {"metadata": metadata | {"annotations": annotations}}


class ChildApplier:
    """Applies and prunes the children of a ShopService, compared with the cache."""

    def __init__(self, client: ApiClient, cache: Cache, gate: WriteGate) -> None:
        self._client = client
        self._cache = cache
        self._gate = gate

    async def apply(
        self,
        service: ShopService,
        desired: Iterable[Manifest],
        live: Iterable[Manifest],
        *,
        keep: frozenset[str] = frozenset(),
        write: bool = True,
    ) -> ApplyResult:
        """Apply the desired children and prune others in the namespace, except kinds in `keep`.

        Children in Kafka's namespace are not pruned here: they are released (`stores/`).

        Without `write` nothing is written and the result says what would be.

        Raises NotHolderError.
        """
        result = ApplyResult()
        before = {identity(manifest): manifest for manifest in live}
        wanted = {identity(manifest): manifest for manifest in map(with_applied_hash, desired)}
        if write:
            await self._hand_over_replicas(wanted.values(), before.values())
        for child, manifest in wanted.items():
            kind = kind_of(manifest)
            if self._cache.missing(kind):
                if kind.kind not in result.missing_kinds:
                    result.missing_kinds.append(kind.kind)
                continue
            try:
                if write:
                    found = await self._apply_child(service, manifest, before.get(child), result)
                else:
                    found = await self._compare(service, manifest, before.get(child), result)
            except ApiError as error:
                result.errors.append(apply_error_of(manifest, error))
                found = before.get(child)
            if found is not None:
                result.live.append(found)
        for child, manifest in before.items():
            is_released = write and manifest["kind"] in _RELEASED
            if child not in wanted and not is_released and manifest["kind"] not in keep:
                await self._prune(service, manifest, result, write=write)
        return result

    async def _apply_child(
        self, service: ShopService, manifest: Manifest, live: Manifest | None, result: ApplyResult
    ) -> Manifest | None:
        """Create or update one child; return the live object, or None if another owns it."""
        if live is None:
            try:
                made = await self._gate.write(self._client.apply_new(manifest))
            except ConflictError:
                # The cache selects by label: this is another's, or ours without its labels.
                live = await self._lookup(service, manifest, result)
                if live is None and not result.failed_on(manifest):
                    raise
            else:
                _record_drift(service, drift_of(service, manifest, None), result)
                return _as_applied(manifest, made)
        if live is None or "deletionTimestamp" in live["metadata"]:
            return live  # the watch reports when it is gone
        fields = differences(manifest, live)
        if not fields:
            return live
        _record_drift(service, drift_of(service, manifest, fields), result)
        return _as_applied(manifest, await self._apply(manifest))

    async def _compare(
        self, service: ShopService, manifest: Manifest, live: Manifest | None, result: ApplyResult
    ) -> Manifest | None:
        """Record what would be written; return the live child."""
        if live is None:
            live = await self._lookup(service, manifest, result)
            if live is None and result.failed_on(manifest):
                return None
        fields = None if live is None else differences(manifest, live)
        if fields == [] or (live is not None and "deletionTimestamp" in live["metadata"]):
            return live
        drift = drift_of(service, manifest, fields)
        if drift is not None:
            result.drifts.append(drift)
        what = f"change {fields[0]} of" if fields else "create"
        result.pending.append(f"{what} {manifest['kind']} {manifest['metadata']['name']}")
        return live

    async def _apply(self, manifest: Manifest) -> Manifest:
        """Apply a child. If the API server calls the result invalid, merge first, then apply.

        Server-side apply merges keyed lists: a Service port that another manager renumbered stays
        beside the desired one, and two ports of one name are invalid.
        """
        try:
            return await self._gate.write(self._client.apply(manifest))
        except ApiError as error:
            if error.status != _INVALID:
                raise
        metadata = manifest["metadata"]
        kind, namespace, name = kind_of(manifest), metadata["namespace"], metadata["name"]
        body = {part: value for part, value in manifest.items() if part not in _BOOKKEEPING}
        await self._gate.write(self._client.merge(kind, namespace, name, body))
        return await self._gate.write(self._client.apply(manifest))

    async def _hand_over_replicas(
        self, wanted: Iterable[Manifest], live: Iterable[Manifest]
    ) -> None:
        """Transfer the replicas field before the operator stops applying it.

        A field that its only owner stops applying is removed, and the API server's default is one
        pod. Source: Kubernetes documentation, "Server-Side Apply", "Transferring ownership".
        """
        handed = replicas_to_hand_over(wanted, live)
        if handed is not None:
            with contextlib.suppress(ConflictError, NotFoundError):  # another manager's, or gone
                request = self._client.apply(handed, manager=_HAND_OVER, force=False)
                await self._gate.write(request)

    async def _lookup(
        self, service: ShopService, manifest: Manifest, result: ApplyResult
    ) -> Manifest | None:
        """Get a child that is not in the cache; add NotOwned to the result if it is another's."""
        metadata = manifest["metadata"]
        kind = kind_of(manifest)
        try:
            live = await self._client.get(kind, metadata["namespace"], metadata["name"])
        except NotFoundError:
            return None
        if is_ours(service, live):
            return live
        result.errors.append(not_owned(manifest, live))
        return None

    async def _prune(
        self, service: ShopService, manifest: Manifest, result: ApplyResult, *, write: bool
    ) -> None:
        kind, name = kind_of(manifest), manifest["metadata"]["name"]
        if not write:
            result.pending.append(f"delete {kind} {name}")
            return
        try:
            await self._delete(service, manifest)
        except ApiError as error:
            result.errors.append(apply_error_of(manifest, error))

    async def _delete(self, service: ShopService, manifest: Manifest) -> None:
        metadata = manifest["metadata"]
        if "deletionTimestamp" in metadata:
            return
        kind, namespace, name = kind_of(manifest), metadata["namespace"], metadata["name"]
        try:
            live = await self._client.get(kind, namespace, name)
        except NotFoundError:
            return
        owners = controllers(live)
        if not is_applied(live) or (owners and service.uid not in owners):
            return  # somebody copied our labels to an object of their own
        await self._gate.write(
            self._client.delete(kind, namespace, name, uid=live["metadata"]["uid"])
        )
        _log.info("pruned", key=str(service.key), kind=kind.kind, name=name)


def _record_drift(service: ShopService, drift: Drift | None, result: ApplyResult) -> None:
    if drift is not None:
        result.drifts.append(drift)
        DRIFT.labels(drift.kind).inc()
        key, kind = str(service.key), drift.kind
        _log.info("drift", key=key, kind=kind, name=drift.name, field=drift.field)


def _as_applied(manifest: Manifest, answer: Manifest) -> Manifest:
    """Return the answer to an apply, checked: if it still differs, every reconcile would apply.

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
