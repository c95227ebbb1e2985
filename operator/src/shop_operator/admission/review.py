"""Which claims of a ShopService another holds, and what in it is likely a mistake."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from shop_operator.children.access_secret import Access
from shop_operator.children.pod_template import OWN_CONTAINERS, SERVING
from shop_operator.children.prometheus_rule import LONGEST_LATENCY_MS
from shop_operator.names import alternate, capture_role, database_name, vault_folder
from shop_operator.route_claims import Claimant, claimant, claims
from shop_operator.settings import Settings
from shop_operator.spec import Key, ShopService, Spec
from shop_operator.stores.declared import declared
from shop_operator.stores.external import Identity
from shop_operator.stores.prefixes import USERS, said, sharing

_NO_ACCESS: Final = Access(None, None, None, None)
_NOT_YET: Final = "9999"
"""After every time of creation."""


@dataclass(frozen=True, slots=True)
class Review:
    """What is to be said of a ShopService: with a refusal it is not taken."""

    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def review(
    new: ShopService,
    old: ShopService | None,
    others: Iterable[ShopService],
    platform: Settings,
) -> Review:
    """Return what is to be said of a new ShopService, or of a change of an old one.

    What was in conflict before is not refused again: whose it is, its conditions say.
    """
    others = [other for other in others if other.key != new.key]
    taken = _taken(others, platform)
    refusals = [*_conflicts(new, taken, platform), *_outside(new, platform)]
    if old is not None:
        before = [*_conflicts(old, taken, platform), *_outside(old, platform)]
        refusals = [refusal for refusal in refusals if refusal not in before]
    return Review(tuple(refusals), tuple(_warnings(new, others)))


@dataclass(frozen=True, slots=True)
class _Taken:
    """What the other services have."""

    others: Sequence[ShopService]
    externals: Mapping[Identity, Key]
    claimants: Sequence[Claimant]


def _taken(others: Sequence[ShopService], platform: Settings) -> _Taken:
    externals: dict[Identity, Key] = {}
    claimants = []
    for other in others:
        for external in declared(other, platform, _NO_ACCESS):
            externals[external.record.identity] = other.key
        claim = claimant(other, host=platform.route_host)
        claimants += [] if claim is None else [claim]
    return _Taken(others, externals, claimants)


def _conflicts(service: ShopService, taken: _Taken, platform: Settings) -> list[str]:
    """Return what a service declares and another has, in the order of the spec."""
    found = [
        f"{external.record} is taken by ShopService {taken.externals[external.record.identity]}"
        for external in declared(service, platform, _NO_ACCESS)
        if external.record.identity in taken.externals
    ]
    found += _shared_roles(service, taken.others, platform)
    found += [
        said(kind, service, other, platform)
        for kind in sorted(USERS)
        for other in sharing(kind, service, taken.others, platform)
    ]
    own = claimant(service, host=platform.route_host)
    if own is not None:
        # It comes last, however old it is: what it asks for anew, it has not yet.
        youngest = replace(own, created=_NOT_YET)
        claimants = [*taken.claimants, youngest]
        claim = claims(claimants, shared_edge=platform.edge != "none")[service.key]
        found += [f"the path {path} is taken by ShopService {key}" for path, key in claim.lost]
    return found


def _shared_roles(
    service: ShopService, others: Iterable[ShopService], platform: Settings
) -> Iterator[str]:
    """Yield the roles that two databases of different names would both have, now or later."""
    own = _roles(service, platform)
    for other in others:
        theirs = _roles(other, platform)
        if own[:1] != theirs[:1]:
            for name in sorted({*own} & {*theirs}):
                yield f"Role {name} in PostgreSQL is taken by ShopService {other.key}"


def _roles(service: ShopService, platform: Settings) -> list[str]:
    """Return the roles in PostgreSQL that come with a service's database, its owner first."""
    if service.spec.database is None or service.spec.database.kind != "postgres":
        return []
    name = database_name(service, platform)
    return [name, alternate(name), capture_role(name)]


def _outside(service: ShopService, platform: Settings) -> Iterator[str]:
    """Yield the files that the service's policy in Vault does not let it read."""
    if not service.spec.secrets.keeps_vault:
        return
    folder = f"{platform.vault_kv_mount}/data/{vault_folder(service)}/"
    for file in service.spec.secrets.files:
        inside = file.path.removeprefix(folder)
        if inside == file.path or not inside or {"", ".", ".."} & set(inside.split("/")):
            yield (
                f"spec.secrets.files {file.name}: {file.path} is not below {folder}, which is all "
                "that the service may read in Vault; move the secret there, or name secrets.role"
            )


def _warnings(service: ShopService, others: Iterable[ShopService]) -> Iterator[str]:
    spec = service.spec
    name, _, tag = spec.image.rpartition("/")[2].partition(":")
    if "@" not in name and tag in {"", "latest"}:
        yield f"spec.image {spec.image} can change under its tag; name a version or a digest"
    yield from _about_objectives(spec)
    if spec.autoscaling is not None:
        for container in _without_cpu(spec):
            yield (
                f"container {container} has no CPU request, which its use is measured by: the "
                "autoscaler does not scale by CPU"
            )
    for file in spec.secrets.files:
        if spec.secrets.provider == "vault" and file.key is None and file.template is None:
            yield (
                f"spec.secrets.files {file.name} names no key, so the file holds all of the secret "
                "as Vault's agent prints it; name the key whose value it is to hold"
            )
        if file.key is not None and file.template is not None:
            yield f"spec.secrets.files {file.name} has a template, so its key {file.key} is unused"
    yield from _about_others(service, others)


def _about_others(service: ShopService, others: Iterable[ShopService]) -> Iterator[str]:
    spec = service.spec
    near = [other for other in (service, *others) if other.namespace == service.namespace]
    topics = {topic.topic for other in near for topic in other.spec.events.publishes}
    for subscription in spec.events.subscribes:
        if subscription.topic not in topics:
            close = difflib.get_close_matches(subscription.topic, topics, n=1)
            hint = f"; is {close[0]} meant?" if close else ""
            yield f"no ShopService here publishes {subscription.topic}{hint}"
    names = {other.name for other in near}
    network = (("egressTo", spec.network.egress_to), ("ingressFrom", spec.network.ingress_from))
    for field, peers in network:
        for peer in peers:
            # Others' pods may have the name, and a caller may come later: only a likely mistake
            # is told.
            close = [] if peer in names else difflib.get_close_matches(peer, names, n=1)
            if close:
                yield f"spec.network.{field}: no ShopService here is {peer}; is {close[0]} meant?"


def _about_objectives(spec: Spec) -> Iterator[str]:
    if spec.slo is None and spec.route is not None:
        yield "spec.slo is missing: nobody is told when requests fail or are slow"
    if spec.slo is not None and (spec.slo.latency_p99_ms or 0) >= LONGEST_LATENCY_MS:
        yield (
            f"spec.slo.latencyP99Ms {spec.slo.latency_p99_ms} is never seen to be missed where the "
            f"last bucket of durations ends at {LONGEST_LATENCY_MS} ms, as by our own services"
        )


def _without_cpu(spec: Spec) -> Iterator[str]:
    """Yield the containers that request no CPU; a limit is a request too."""
    resources = {SERVING: spec.resources.model_dump()}
    for sidecar in spec.template.spec.get("containers", ()):
        if sidecar["name"] not in OWN_CONTAINERS:
            resources[sidecar["name"]] = sidecar.get("resources") or {}
    for name, has in resources.items():
        if not any("cpu" in (has.get(part) or {}) for part in ("requests", "limits")):
            yield name
