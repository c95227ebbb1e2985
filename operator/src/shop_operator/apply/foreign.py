"""Fields of a child that other managers set and the ShopService does not declare.

Most are left alone, as server-side apply means it: labels, annotations, sidecars, a second port.
What would change how the service runs is put right where its spec decides, and reported elsewhere
(docs/operator.md, "What others set").
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from shop_operator.api.managed_fields import others
from shop_operator.api.schemas import FieldSchema
from shop_operator.apply.diff import key_of
from shop_operator.children.kafka_topic import RETAIN_ANNOTATION
from shop_operator.children.pod_template import OWN_CONTAINERS
from shop_operator.metadata import MANAGER, Manifest

Path = tuple[str, ...]
"""Names of fields; an item of a list is its key in brackets, such as `[service]`."""

_LEFT_KINDS: Final = frozenset({"ServiceAccount", "Secret", "ConfigMap"})
"""Nothing that others add to these reaches a pod: what a pod gets is named in its template."""
_LEFT_FIELDS: Final = frozenset(
    {
        ("Deployment", "spec.replicas"),  # an autoscaler's, where the spec does not set it
        ("KafkaConnector", "spec.state"),  # CdcReady tells of it
        ("KafkaConnector", "spec.pause"),
    }
)
_RETAINED: Final = ("metadata", "annotations", *RETAIN_ANNOTATION)
"""On a KafkaTopic that the operator was about to let go of when it ended, and is declared again."""
_LEFT_TOP: Final = frozenset({"apiVersion", "kind", "metadata", "status"})
_DECIDED_MAPS: Final = {"KafkaTopic": "spec.config", "KafkaConnector": "spec.config"} | {
    "KongPlugin": "config"
}
_CONTAINERS: Final = frozenset({"containers", "initContainers"})
_UNDECLARED: Final = object()
_ADDITIONS: Final = frozenset({"ports", "volumeMounts", "volumeDevices", "resizePolicy"})
"""Lists of a container that another may add items to without changing what it runs."""


@dataclass(frozen=True, slots=True)
class ForeignField:
    """A field that another manager set; `decided` if the spec decides that it is not there."""

    path: str
    manager: str
    pointer: tuple[str | int, ...]
    """Where it is in the live object."""
    decided: bool


def foreign_fields(
    desired: Manifest, live: Manifest, schema: FieldSchema | None
) -> list[ForeignField]:
    """Return what others set and is worth a word, each field once."""
    if live["kind"] in _LEFT_KINDS:
        return []
    found: dict[tuple[str | int, ...], ForeignField] = {}
    for entry in others(live["metadata"]):
        for place, is_declared in _walk(entry["fieldsV1"], _Place(desired, live, schema)):
            # What the operator once set by an update is its own to take back.
            is_ours, name = entry["manager"] == MANAGER, _text(place.path)
            is_retained = is_ours and place.path == _RETAINED
            decided = is_retained or _decided(live["kind"], place.path)
            if is_declared or decided is None:
                continue
            field = ForeignField(name, entry["manager"], place.pointer, decided or is_ours)
            found.setdefault(place.pointer, field)
    return list(found.values())


def shared_wholes(
    desired: Manifest, live: Manifest, schema: FieldSchema | None
) -> list[tuple[str, tuple[str | int, ...]]]:
    """Return path and place of maps and lists with one owner that another manager owns now.

    Their desired fields may be as desired while others were added inside: only the API server,
    which knows its defaults, can tell.
    """
    return [
        (_text(place.path), place.pointer)
        for entry in others(live["metadata"])
        for place, is_declared in _walk(entry["fieldsV1"], _Place(desired, live, schema))
        if is_declared and place.path[0] not in _LEFT_TOP
    ]


def value_at(body: Any, pointer: Sequence[str | int]) -> Any:  # noqa: ANN401 - JSON
    """Return what is at a place of an object, None if nothing is."""
    for part in pointer:
        try:
            body = body[part]
        except (LookupError, TypeError):
            return None
    return body


def managers_of(live: Manifest, path: str) -> list[str]:
    """Return the other managers that set a field, or the map or list that it is in."""
    found = []
    for entry in others(live["metadata"]):
        names = [_text(each) for each in _owned(entry["fieldsV1"], ())]
        related = any(
            name == path or path.startswith((f"{name}.", f"{name}[")) or name.startswith(f"{path}.")
            for name in names
        )
        if related and entry["manager"] not in found:
            found.append(entry["manager"])
    return found


def removal(fields: Sequence[ForeignField], live: Manifest) -> list[Manifest]:
    """Return the JSON patch (RFC 6902) that removes fields from this very version of an object."""
    version = live["metadata"]["resourceVersion"]
    # From behind, so that the items of a list keep their places until it is their turn.
    last_first = sorted((f.pointer for f in fields), key=lambda p: [str(x).zfill(6) for x in p])
    return [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        *({"op": "remove", "path": _json_pointer(pointer)} for pointer in reversed(last_first)),
    ]


@dataclass(frozen=True, slots=True)
class _Place:
    """One place of a child: what is desired there, what is there, and where it is."""

    desired: Any
    live: Any
    schema: FieldSchema | None
    path: Path = ()
    pointer: tuple[str | int, ...] = ()

    def field(self, name: str) -> "_Place":
        """Return the place of a field; its desired value is _UNDECLARED without one."""
        desired = self.desired.get(name, _UNDECLARED)
        schema = None
        if self.schema is not None:
            schema = self.schema.fields.get(name) or self.schema.values
        at, to = (*self.path, name), (*self.pointer, name)
        return _Place(desired, self.live[name], schema, at, to)

    def item(self, key: Mapping[str, Any]) -> "_Place | None":
        """Return the place of a list's item, None if the live list has none of this key."""
        inner = None if self.schema is None else self.schema.items
        index = _index(self.live, key, inner)
        if index is None:
            return None
        among = _index(self.desired, key, inner)
        desired = _UNDECLARED if among is None else self.desired[among]
        at = (*self.path, f"[{','.join(map(str, key.values()))}]")
        return _Place(desired, self.live[index], inner, at, (*self.pointer, index))


def _walk(owned: Mapping[str, Any], at: _Place) -> Iterator[tuple[_Place, bool]]:
    """Yield each place that fieldsV1 names, is in the live object and not in the desired one.

    The second part is True for a map or list that is in both, differs, and is owned as a whole.
    """
    for name, inner in owned.items():
        mark, _, rest = name.partition(":")
        place = None
        if mark == "f" and isinstance(at.live, dict) and rest in at.live:
            place = at.field(rest) if isinstance(at.desired, dict) else None
        elif mark == "k" and isinstance(at.live, list) and isinstance(at.desired, list):
            place = at.item(orjson.loads(rest))
        if place is None:
            continue
        if place.desired is _UNDECLARED:
            yield place, False
        elif inner:
            yield from _walk(inner, place)
        elif isinstance(place.live, dict | list) and place.live != place.desired:
            yield place, True


def _index(
    items: Sequence[Mapping[str, Any]], key: Mapping[str, Any], schema: FieldSchema | None
) -> int | None:
    names, wanted = tuple(key), tuple(key.values())
    for index, item in enumerate(items):
        if key_of(item, names, schema) == wanted:
            return index
    return None


def _decided(kind: str, path: Path) -> bool | None:
    """Return True for what the spec decides, False for what is reported, None for what is left."""
    text = _text(path)
    is_item = path[-1].startswith("[")
    if path[0] in _LEFT_TOP or (kind, text) in _LEFT_FIELDS:
        return None
    if kind in _DECIDED_MAPS and text.startswith(f"{_DECIDED_MAPS[kind]}."):
        return True
    if kind == "Deployment" and path[:2] == ("spec", "template"):
        if path[2] == "metadata":
            return None
        # A list, an item of it, a field of the item.
        if path[3] in _CONTAINERS and len(path) > 5:  # noqa: PLR2004
            is_own = path[4].strip("[]") in OWN_CONTAINERS
            return True if is_own and not (is_item and path[5] in _ADDITIONS) else None
    return None if is_item else False


def _owned(fields: Mapping[str, Any], path: Path) -> Iterator[Path]:
    """Yield the paths of the leaves of fieldsV1."""
    for name, inner in fields.items():
        mark, _, rest = name.partition(":")
        if mark == "f":
            at = (*path, rest)
        elif mark == "k":
            at = (*path, f"[{','.join(map(str, orjson.loads(rest).values()))}]")
        else:
            yield path
            continue
        if inner:
            yield from _owned(inner, at)
        else:
            yield at


def _text(path: Path) -> str:
    return ".".join(path).replace(".[", "[")


def _json_pointer(pointer: Sequence[str | int]) -> str:
    """Return the pointer of RFC 6901."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in pointer)
