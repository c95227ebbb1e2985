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
from shop_operator.api.kinds import IN_KAFKA_NAMESPACE, Kind, kind_of
from shop_operator.api.managed_fields import HAND_OVER
from shop_operator.api.write_gate import WriteGate
from shop_operator.apply.comparison import Comparison
from shop_operator.apply.diff import differences
from shop_operator.apply.fights import Fights
from shop_operator.apply.foreign import managers_of, removal
from shop_operator.apply.overlay import replacement
from shop_operator.apply.owner import controllers, is_applied, is_ours
from shop_operator.apply.result import (
    ApplyResult,
    apply_error_of,
    drift_of,
    not_owned,
    record_drift,
)
from shop_operator.children.autoscaler import replicas_to_hand_over
from shop_operator.metadata import APPLIED_ANNOTATION, Manifest
from shop_operator.spec import ShopService

_log = structlog.get_logger()
_INVALID: Final = 422
_DELETED: Final = ""
"""What stands for a field where the whole child was deleted."""
_RELEASED: Final = frozenset(kind.kind for kind in IN_KAFKA_NAMESPACE)
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
        self._comparison = Comparison(client, cache.schema)
        self._fights = Fights()

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
            await self._hand_over_replicas(service, wanted.values(), before, result)
        step = self._apply_child if write else self._compare
        for child, manifest in wanted.items():
            if not self._can_be_read(manifest, result):
                continue
            found = before.get(child)
            try:
                if not result.holds_back(manifest):
                    found = await step(service, manifest, found, result)
            except ApiError as error:
                result.errors.append(apply_error_of(manifest, error))
            if found is not None:
                result.live.append(found)
        for child, manifest in before.items():
            is_released = write and manifest["kind"] in _RELEASED
            if child not in wanted and not is_released and manifest["kind"] not in keep:
                await self._prune(service, manifest, result, write=write)
        return result

    def _can_be_read(self, manifest: Manifest, result: ApplyResult) -> bool:
        """Return False, and say why in the result, if a child's kind is not known or forbidden."""
        kind = kind_of(manifest)
        if self._cache.missing(kind):
            if kind.kind not in result.missing_kinds:
                result.missing_kinds.append(kind.kind)
            return False
        unreadable = self._cache.unreadable(kind, manifest["metadata"]["namespace"])
        if unreadable is not None:
            result.errors.append(apply_error_of(manifest, unreadable))
        return unreadable is None

    async def _apply_child(
        self, service: ShopService, manifest: Manifest, live: Manifest | None, result: ApplyResult
    ) -> Manifest | None:
        """Create or update one child; return the live object, or None if another owns it."""
        if live is None:
            drift = drift_of(service, manifest, None, None)
            is_gone = drift is not None or self._fights.is_known((identity(manifest), _DELETED))
            if is_gone and self._must_wait(manifest, None, [_DELETED], result):
                return None
            try:
                made = await self._gate.write(self._client.apply_new(manifest))
            except ConflictError:
                # The cache selects by label: this is another's, or ours without its labels.
                live = await self._lookup(service, manifest, result)
                if live is None and not result.failed_on(manifest):
                    raise
            else:
                record_drift(service, drift, result)
                return self._as_applied(manifest, made)
        if live is None or "deletionTimestamp" in live["metadata"]:
            return live  # the watch reports when it is gone
        found = await self._comparison.compare(manifest, live)
        result.foreign += found.reported
        drift = drift_of(service, manifest, live, found.paths)
        is_held = drift is not None and self._must_wait(manifest, live, found.paths, result)
        if is_held or not found.paths:
            return live
        record_drift(service, drift, result)
        if found.foreign:
            patch = removal(found.foreign, live)
            live = await self._gate.write(self._client.patch(*_place(manifest), patch))
        if found.fields:
            live = self._as_applied(manifest, await self._apply(manifest))
        return live

    def _must_wait(
        self, manifest: Manifest, live: Manifest | None, paths: list[str], result: ApplyResult
    ) -> bool:
        """Return True if all that drifted was put right too often lately to be again already.

        Fields that are fought over are told in the result, also while they are as desired.
        """
        child = identity(manifest)
        waits = [self._fights.seconds_left((child, path)) for path in paths]
        must_wait = bool(waits) and min(waits) > 0
        if must_wait:
            result.recheck_after(min(waits))
        else:
            for path in paths:
                self._fights.record((child, path))
        for fought in self._fights.of(child):
            path = str(fought[1])
            managers = managers_of(live, path) if live is not None and path else []
            what = f"{path} is changed" if path else "it is deleted"
            result.contested.append(
                f"{manifest['kind']} {manifest['metadata']['name']}: {what} again and again by "
                f"{' and '.join(managers) or 'another'}"
            )
            result.recheck_after(self._fights.quiet_after(fought) + 1)
        return must_wait

    async def _compare(
        self, service: ShopService, manifest: Manifest, live: Manifest | None, result: ApplyResult
    ) -> Manifest | None:
        """Record what would be written; return the live child."""
        if live is None:
            live = await self._lookup(service, manifest, result)
            if live is None and result.failed_on(manifest):
                return None
        if live is not None and "deletionTimestamp" in live["metadata"]:
            return live
        found = None if live is None else await self._comparison.compare(manifest, live)
        fields = None if found is None else found.paths
        result.foreign += [] if found is None else found.reported
        if fields == []:
            return live
        drift = drift_of(service, manifest, live, fields)
        if drift is not None:
            result.drifts.append(drift)
        what = f"change {fields[0]} of" if fields else "create"
        result.pending.append(f"{what} {manifest['kind']} {manifest['metadata']['name']}")
        return live

    async def _apply(self, manifest: Manifest) -> Manifest:
        """Apply a child. If that is invalid beside what others set, what they set goes first."""
        try:
            return await self._gate.write(self._client.apply(manifest))
        except ApiError as error:
            if error.status != _INVALID:
                raise
        live = await self._client.get(*_place(manifest))
        live |= {part: manifest[part] for part in ("apiVersion", "kind")}
        patch = replacement(manifest, live, self._cache.schema(kind_of(manifest)))
        await self._gate.write(self._client.patch(*_place(manifest), patch))
        return await self._gate.write(self._client.apply(manifest))

    def _as_applied(self, manifest: Manifest, answer: Manifest) -> Manifest:
        """Return the answer to an apply, checked: else each reconcile would apply again.

        Raises ApiError.
        """
        again = differences(manifest, answer, self._cache.schema(kind_of(manifest)))
        if again:
            raise ApiError(
                _INVALID,
                f"the API server keeps {again[0]} other than it was applied; is there an "
                "admission webhook that changes it?",
            )
        return answer

    async def _hand_over_replicas(
        self,
        service: ShopService,
        wanted: Iterable[Manifest],
        live: dict[Identity, Manifest],
        result: ApplyResult,
    ) -> None:
        """Transfer the replicas field before the operator stops applying it."""
        handed = replicas_to_hand_over(wanted, live.values())
        if handed is None:
            return
        before = live[identity(handed)]
        changes = before["spec"] != before["spec"] | handed["spec"]
        with contextlib.suppress(ConflictError, NotFoundError):  # another manager's, or gone
            request = self._client.apply(handed, manager=HAND_OVER, force=changes)
            live[identity(handed)] = await self._gate.write(request)
        if changes and "HorizontalPodAutoscaler" in {kind for _, kind, _, _ in live}:
            record_drift(service, drift_of(service, handed, before, ["spec.replicas"]), result)

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


def _place(manifest: Manifest) -> tuple[Kind, str, str]:
    metadata = manifest["metadata"]
    return kind_of(manifest), metadata["namespace"], metadata["name"]
