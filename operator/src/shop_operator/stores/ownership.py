"""Decides whose each external thing is, and from that what may be made, altered and released."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shop_operator.apply.result import ApplyError
from shop_operator.spec import Deletion, ShopService
from shop_operator.stores.errors import StoreError
from shop_operator.stores.external import External, Found, Identity, Record, record_of

KAFKA: Final = "kafka"
DATABASES: Final = frozenset({"postgres", "mongodb"})
LOGINS: Final = frozenset({"redis", "rabbitmq", "vault"})
"""Stores of logins, and of what gives logins out."""
_RELEASE_ORDER: Final = (
    "KafkaConnector",
    "ReplicationSlot",
    "Publication",
    "CaptureRole",
    "CaptureUser",
    "KafkaTopic",
    "AuthRole",
    "Policy",
    "LoginRole",
    "DatabaseConnection",
    "LoginMaker",
    "MemberRole",
    "Database",
)
"""Kinds that are released before all others: readers before what they read, owners last."""

_OF_CAPTURE: Final = frozenset({"ReplicationSlot", "Publication"})


@dataclass(slots=True)
class Plan:
    """What a reconcile may do outside the namespace."""

    records: list[Record]
    """What `status.external` must say before anything is made."""
    ensure: list[External] = field(default_factory=list)
    made: list[Identity] = field(default_factory=list)
    """Those of `ensure` that do not exist yet."""
    release: list[Record] = field(default_factory=list)
    withheld: list[External] = field(default_factory=list)
    """Declared, and not made while another thing's ownership is not settled."""
    conflicts: dict[Identity, StoreError] = field(default_factory=dict)
    """Things that exist and are another's."""


def recorded(service: ShopService, declared: Iterable[External]) -> list[Record]:
    """Return what the status remembers.

    The version before did not record. Then it is what the spec declares and what the status lists
    in Kafka's namespace; as always, only what carries the service's mark is touched.
    """
    status = service.status
    if "external" in status or not status.get("conditions"):
        return [record_of(entry) for entry in status.get("external") or ()]
    found = {external.record.identity: external.record for external in declared}
    for child in status.get("children") or ():
        if child["kind"] in {"KafkaTopic", "KafkaConnector"}:
            kept: Deletion = "Retain" if child["kind"] == "KafkaTopic" else "Drop"
            record = Record(store="kafka", kind=child["kind"], name=child["name"], on_delete=kept)
            found.setdefault(record.identity, record)
    return list(found.values())


def compare(
    owner: str,
    *,
    declared: Sequence[External],
    known: Sequence[Record],
    found: Mapping[Identity, Found | StoreError | None],
) -> Plan:
    """Compare what is declared with what is recorded and what was found.

    `found` has an error for a thing whose store does not answer. While there is one, or a thing
    that is another's, nothing new is made; what is recorded and ours is kept as declared.
    """
    remembered = {record.identity for record in known}
    result = Plan(records=[], conflicts=_conflicts(owner, declared, found))
    settled = not result.conflicts and not any(
        isinstance(found[external.record.identity], StoreError) for external in declared
    )
    for external in declared:
        identity = external.record.identity
        live = found[identity]
        if identity in result.conflicts:
            continue
        is_known = not isinstance(live, StoreError)
        may_make = is_known and (settled or live is not None)
        if may_make or identity in remembered:
            result.records.append(external.record)
        if may_make:
            result.ensure.append(external)
            if live is None:
                result.made.append(identity)
        elif is_known:
            result.withheld.append(external)
    wanted = {external.record.identity for external in declared}
    gone = [record for record in known if record.identity not in wanted]
    result.records += gone
    if not result.conflicts:
        result.release = in_release_order(gone)
    return result


def _conflicts(
    owner: str,
    declared: Sequence[External],
    found: Mapping[Identity, Found | StoreError | None],
) -> dict[Identity, StoreError]:
    conflicts = {}
    for external in declared:
        live = found[external.record.identity]
        if isinstance(live, Found) and live.owner != owner:
            conflicts[external.record.identity] = not_owned(external, live, owner)
    return conflicts


def in_release_order(records: Iterable[Record]) -> list[Record]:
    """Return the records in the order in which they are released."""
    rank = {kind: number for number, kind in enumerate(_RELEASE_ORDER)}
    return sorted(records, key=lambda record: rank.get(record.kind, len(rank)))


def entries(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Return `status.external`."""
    return [record.status() for record in records]


def not_owned(external: External, live: Found, owner: str) -> StoreError:
    """Return the error of a thing that exists and is another's."""
    whose = f"belongs to ShopService {live.owner}" if live.owner else "was made by somebody else"
    how = f", or hand it over: {live.hand_over}" if live.hand_over else ""
    return StoreError(
        "NotOwned",
        f"{external.record} {whose}, it is not {owner}'s; rename one of the two{how}. "
        "Until then nothing is made outside the namespace",
    )


def store_error(
    plan: Plan,
    declared: Iterable[External],
    found: Mapping[Identity, Found | StoreError | None],
    stores: frozenset[str],
) -> StoreError | None:
    """Return why these stores are not as declared, before anything is made."""
    for external in declared:
        identity = external.record.identity
        live = plan.conflicts.get(identity) or found.get(identity)
        if external.record.store in stores and isinstance(live, StoreError):
            return live
    waiting = any(external.record.store in stores for external in plan.withheld)
    return _withheld(plan, found) if waiting else None


def kafka_errors(
    plan: Plan,
    declared: Iterable[External],
    found: Mapping[Identity, Found | StoreError | None],
) -> list[ApplyError]:
    """Return the resources in Kafka's namespace that may not be applied, and why."""
    errors = []
    for external in declared:
        record = external.record
        live = found.get(record.identity)
        if record.store != KAFKA:
            continue
        if record.identity in plan.conflicts:
            error = plan.conflicts[record.identity]
            errors.append(ApplyError(record.kind, record.name, error.reason, str(error)))
        elif external in plan.withheld or isinstance(live, StoreError):
            error = live if isinstance(live, StoreError) else _withheld(plan, found)
            errors.append(
                ApplyError(record.kind, record.name, error.reason, str(error), temporary=True)
            )
    return errors


def unreadable(
    found: Mapping[Identity, Found | StoreError | None], stores: frozenset[str]
) -> StoreError | None:
    """Return why something in these stores could not be read, or None."""
    errors = (live for i, live in found.items() if i[0] in stores and isinstance(live, StoreError))
    return next(errors, None)


def _withheld(plan: Plan, found: Mapping[Identity, Found | StoreError | None]) -> StoreError:
    """Return why something that could be made is not made."""
    conflict = next(iter(plan.conflicts.values()), None)
    if conflict is not None and conflict.reason == "ScopeChanged":
        return conflict
    why = conflict or next(live for live in found.values() if isinstance(live, StoreError))
    return StoreError(
        "Withheld", f"nothing new is made until it is known whose everything is: {why}"
    )


def not_as_declared(
    declared: Iterable[External],
    found: Mapping[Identity, Found | StoreError | None],
    stores: frozenset[str],
) -> StoreError | None:
    """Return what would be made or altered in these stores; None if nothing would.

    What capture needs does not count: it waits for the outbox, and Debezium makes its slot.
    """
    missing, differing = [], []
    for external in declared:
        record, live = external.record, found.get(external.record.identity)
        if record.store not in stores or record.kind in _OF_CAPTURE:
            continue
        if live is None:
            missing.append(str(record))
        elif isinstance(live, Found) and not live.as_declared:
            differing.append(str(record))
    said = [("not there", missing), ("not as declared", differing)]
    message = "; ".join(f"{what}: {', '.join(names)}" for what, names in said if names)
    if not message:
        return None
    held = f"{message} (managementPolicy writes nothing)"
    return StoreError("Missing" if missing else "Differs", held)
