"""Merges `spec.template` into the pods that the operator makes, without weakening them.

Source: Kubernetes documentation, "Strategic Merge Patch": the keys by which lists are merged.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from shop_operator.metadata import Manifest, selector
from shop_operator.spec import ShopService

SERVING: Final = "service"
MIGRATING: Final = "migrate"
OWN_CONTAINERS: Final = frozenset({SERVING, MIGRATING})
USER: Final = 10001
HARDENED: Final[Manifest] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
_FORCED: Final = {name: HARDENED[name] for name in ("allowPrivilegeEscalation", "capabilities")}
_DEFAULT_CONTAINER: Final = "kubectl.kubernetes.io/default-container"
_HANDLERS: Final = frozenset({"exec", "grpc", "httpGet", "sleep", "tcpSocket"})
"""Of a probe or hook there is one of these."""
_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "imagePullSecrets": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumes": ("name",),
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
}


def merged(service: ShopService, made: Manifest) -> Manifest:
    """Return a pod template with what `spec.template` adds to it.

    `made` is the template that the operator makes: `metadata` and `spec`. Its labels,
    annotations and container fields win; the CRD refuses additions that would contradict them.
    """
    added = service.spec.template
    own_labels = made["metadata"]["labels"]
    metadata: Manifest = {"labels": {**added.metadata.labels, **own_labels}}
    annotations = {**added.metadata.annotations, **made["metadata"].get("annotations", {})}
    spec = _merge(made["spec"], _completed(service, added.spec))
    if any(each["name"] not in OWN_CONTAINERS for each in spec["containers"]):
        annotations.setdefault(_DEFAULT_CONTAINER, SERVING)
    if annotations:
        metadata["annotations"] = annotations
    return {"metadata": metadata, "spec": spec}


def _completed(service: ShopService, spec: Mapping[str, Any]) -> Manifest:
    """Return the additions with sidecars hardened and spread constraints given a selector."""
    found = dict(spec)
    for place in ("containers", "initContainers"):
        if place in found:
            found[place] = [_hardened(each) for each in found[place]]
    if "topologySpreadConstraints" in found:
        found["topologySpreadConstraints"] = [
            {"labelSelector": {"matchLabels": selector(service)}, **each}
            for each in found["topologySpreadConstraints"]
        ]
    return found


def _hardened(container: Mapping[str, Any]) -> Manifest:
    """Return a sidecar under the restricted profile: its own settings within what that allows."""
    if container["name"] in OWN_CONTAINERS:
        return dict(container)
    own = {**HARDENED, **container.get("securityContext", {}), **_FORCED}
    return {**container, "securityContext": own}


def _merge(made: Mapping[str, Any], added: Mapping[str, Any]) -> Manifest:
    """Return a map with another merged in: maps by field, keyed lists by key, the rest replaced.

    A handler of another kind takes the place of the one that is there.
    """
    handlers = _HANDLERS if _HANDLERS & added.keys() else frozenset()
    found = {name: value for name, value in made.items() if name not in handlers - added.keys()}
    for name, value in added.items():
        old = found.get(name)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            found[name] = _merge(old, value)
        elif isinstance(old, list) and name in _KEYS:
            found[name] = _merge_list(
                old, value, keys=_KEYS[name], new_first=name.startswith("init")
            )
        else:
            found[name] = value
    return found


def _merge_list(
    made: Sequence[Manifest],
    added: Sequence[Manifest],
    *,
    keys: tuple[str, ...],
    new_first: bool,
) -> list[Manifest]:
    """Return a keyed list with another merged in; what is new comes first or last.

    Init containers that are new come first: a proxy is up before the migration runs.
    """

    def key(item: Manifest) -> tuple[Any, ...]:
        return tuple(item.get(part) for part in keys)

    additions = {key(item): item for item in added}
    merged_items = [_merged_item(item, additions.pop(key(item), None)) for item in made]
    new = list(additions.values())
    return [*new, *merged_items] if new_first else [*merged_items, *new]


def _merged_item(made: Manifest, added: Manifest | None) -> Manifest:
    """Return an item of a list with its namesake merged in; a variable is replaced whole."""
    if added is None:
        return made
    return added if {"value", "valueFrom"} & added.keys() else _merge(made, added)
