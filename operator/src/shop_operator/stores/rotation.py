"""New logins for a service that is asked for them, and how long the ones before stay (ADR 86).

A service has one of two logins in each store, in turn. The other is made with a new password, the
Secret and the pods get it, and the one before is released once no pod has it any more. Each
reconcile derives where that stands from what is live: the user names in the Secret, the request
that the Secret says its passwords were made for, and the Deployment with its pods.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, Final

from shop_operator.api.pods import has_only_new_pods
from shop_operator.apply.result import ApplyResult
from shop_operator.children.access_secret import RENEWED_ANNOTATION, Access
from shop_operator.metadata import Manifest, moment, timestamp
from shop_operator.recorder import EventRecorder
from shop_operator.spec import ROTATE_ANNOTATION, ShopService
from shop_operator.stores.errors import StoreError
from shop_operator.stores.external import External, Found, Identity, Record, record_of
from shop_operator.stores.mongodb.database import User
from shop_operator.stores.ownership import LOGINS
from shop_operator.stores.postgres.database import Role
from shop_operator.stores.sessions import Sessions

PENDING: Final = "Pending"
ROLLING_OUT: Final = "RollingOut"
COMPLETE: Final = "Complete"
REFUSED: Final = "Refused"
_NEXT_SECONDS: Final = 0.5
PODS_SECONDS: Final = 10.0
"""After how long to look whether pods are gone, should no watch tell."""
_POD_KINDS: Final = frozenset({"Deployment"})


class BadRequestError(ValueError):
    """The annotation that asks for a rotation holds no time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """Where the rotation of a service's logins stands."""

    requested: str = ""
    """The request, as a time in UTC; empty if there was none."""
    rotated: str = ""
    """The request that the logins of now were made for; empty if none."""
    refusal: str = ""
    """Why a request is not followed."""
    begins: bool = False
    """Whether the other login is made in this reconcile."""
    keeps_other: bool = False
    """Whether pods may still have the other login."""
    others: frozenset[Identity] = frozenset()
    """What makes up the other login, and is recorded."""
    failure: StoreError | None = None
    """Why the stores are not as declared."""

    def after(self, *, failure: StoreError | None, rotated: str | None) -> "Rotation":
        """Return where it stands once the stores are as declared, or failed to be."""
        began = rotated is not None and rotated != self.rotated
        return replace(
            self, failure=failure, rotated=rotated or "", keeps_other=began or self.keeps_other
        )

    @property
    def recheck(self) -> float | None:
        """Return after how many seconds to look again, where no watch may report the next step."""
        if self.refusal or self.failure is not None:
            return None
        if self.requested > self.rotated and not self.keeps_other:
            return _NEXT_SECONDS
        return PODS_SECONDS if self.keeps_other else None

    def status(self, before: Manifest, records: Iterable[Record]) -> Manifest | None:
        """Return `status.rotation`; None for a service whose logins were never rotated."""
        if not (self.requested or self.rotated or self.refusal):
            return None
        phase, message = self._phase({record.identity for record in records})
        found: dict[str, Any] = {"phase": phase, "message": message[:1024]}
        if phase != REFUSED:
            found["requestedAt"] = max(self.requested, self.rotated)
        if phase == COMPLETE:
            same = all(before.get(name) == found[name] for name in ("phase", "requestedAt"))
            at = timestamp()
            found["completedAt"] = before.get("completedAt", at) if same else at
        return found

    def _phase(self, records: AbstractSet[Identity]) -> tuple[str, str]:
        if self.refusal:
            return REFUSED, self.refusal
        if self.requested > self.rotated and self.failure is not None:
            return PENDING, f"the logins of before go on: {self.failure}"
        if self.requested > self.rotated:
            return PENDING, "begins once the rotation before, and the pods, are complete"
        if self.keeps_other:
            return ROLLING_OUT, (
                "the new logins are there, and pods are being replaced; the ones before stay until "
                "the last pod with them is gone"
            )
        if records & self.others or self.failure is not None:
            why = f": {self.failure}" if self.failure else ""
            return ROLLING_OUT, f"every pod has the new logins; the ones before are taken away{why}"
        return COMPLETE, "every pod has the new logins, and the ones before are gone"


@dataclass(frozen=True, slots=True)
class Retiring:
    """A thing that stays as it is for the pods that still need it."""

    of: External

    @property
    def record(self) -> Record:
        """What is remembered of it."""
        return self.of.record

    async def read(self, sessions: Sessions) -> Found | None:
        """Return the live thing."""
        live = await self.of.read(sessions)
        return None if live is None else replace(live, as_declared=True)

    async def ensure(self, sessions: Sessions) -> None:
        """Do nothing: its password is known to its pods alone."""

    async def release(self, sessions: Sessions) -> bool:
        """Release it."""
        return await self.of.release(sessions)


def requested_at(service: ShopService) -> str:
    """Return the time of the request in UTC, to the second; empty without a request.

    Raises BadRequestError.
    """
    text = service.rotation_requested
    if not text:
        return ""
    if (at := moment(text)) is not None:
        return timestamp(at)
    raise BadRequestError(
        f"the annotation {ROTATE_ANNOTATION} is {text[:64]!r}, not a time such as "
        "2026-01-31T12:00:00Z; use kubectl shop rotate"
    )


def look(  # noqa: PLR0913 - each a part of what is known
    service: ShopService,
    known: Access,
    *,
    live: Iterable[Manifest],
    pods: Sequence[Manifest],
    others: Iterable[External],
    recorded: Iterable[Record],
) -> Rotation:
    """Return where the rotation of a service's logins stands, before anything is written.

    `others` is what makes up the login that the service does not have now.
    """
    rotated = known.rotated or ""
    remembered = {record.identity for record in recorded}
    there = frozenset(e.record.identity for e in others if e.record.identity in remembered)
    keeps = bool(rotated) and not are_replaced(known, live, pods)
    found = Rotation(rotated=rotated, keeps_other=keeps, others=there)
    try:
        requested = requested_at(service)
    except BadRequestError as error:
        return replace(found, refusal=str(error))
    if requested and not service.has_access_secret:
        return replace(found, refusal="the operator makes no login for this service")
    is_due = requested > rotated and known.complete(service)
    return replace(found, requested=requested, begins=is_due and not keeps and not there)


def are_replaced(access: Access, live: Iterable[Manifest], pods: Sequence[Manifest]) -> bool:
    """Return True if every pod was made for these logins, or for newer passwords."""
    deployment = next((child for child in live if child["kind"] == "Deployment"), None)
    if deployment is None:
        return False
    told = deployment["spec"]["template"]["metadata"].get("annotations") or {}
    is_told = told.get(RENEWED_ANNOTATION, "") >= (access.rotated or "")
    return is_told and has_only_new_pods(deployment, pods)


def needed_by_pods(
    records: Iterable[Record], result: ApplyResult, pods: Sequence[Manifest]
) -> list[Record]:
    """Return those records by which pods may still log in, though the spec has them no more.

    `result` is that of the apply by which the pods are told to do without.
    """
    if not any(pod["ended"] is None for pod in pods):
        return []
    deployment = next((child for child in result.live if child["kind"] == "Deployment"), None)
    is_told = deployment is not None and result.first_error(_POD_KINDS) is None
    if deployment is not None and is_told and has_only_new_pods(deployment, pods):
        return []
    return [each for each in records if each.store in LOGINS or each.kind == "LoginMaker"]


def with_others(
    declared: Iterable[External], others: Iterable[External], kept: frozenset[Identity]
) -> list[External]:
    """Return what is declared while pods may have either login.

    A login that is to be locked stays open, and what is recorded of the other one stays.
    """
    found: list[External] = [
        Retiring(each) if isinstance(each, Role | User) and each.is_locked else each
        for each in declared
    ]
    names = {each.record.identity for each in found}
    found += [
        Retiring(each)
        for each in others
        if each.record.identity in kept and each.record.identity not in names
    ]
    return found


async def report(
    recorder: EventRecorder, service: ShopService, status: Manifest, rotation: Rotation | None
) -> None:
    """Put into a status where the rotation stands, and record an Event when it moved on.

    Without a rotation what the status said before stays. Raises NotHolderError.
    """
    before = service.status.get("rotation") or {}
    found: Manifest | None = before or None
    if rotation is not None:
        found = rotation.status(before, map(record_of, status.get("external") or ()))
    if found is None:
        return
    status["rotation"] = found
    if any(found.get(name) != before.get(name) for name in ("phase", "requestedAt")):
        reason, is_refused = f"Rotation{found['phase']}", found["phase"] == REFUSED
        await recorder.record(service, reason, found["message"], warning=is_refused)
