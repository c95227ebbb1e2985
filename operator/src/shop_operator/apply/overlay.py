"""Puts the desired fields over a live object, for an update that server-side apply can't express.

Server-side apply keeps what others set. Sometimes both together are invalid: a port that another
manager renumbered stays beside the desired one, and two ports of one name are refused.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shop_operator.api.schemas import UNTYPED, FieldSchema
from shop_operator.apply.diff import key_of
from shop_operator.apply.foreign import ForeignField, foreign_fields
from shop_operator.metadata import Manifest

_BOOKKEEPING: Final = frozenset({"apiVersion", "kind", "metadata", "status"})


def replacement(desired: Manifest, live: Manifest, schema: FieldSchema | None) -> list[Manifest]:
    """Return the JSON patch (RFC 6902) that makes a live object what is desired, and no more.

    What others set and is worth a word goes, and items of lists that share a name with a desired
    one. The patch holds for this version of the object only.
    """
    cleared = copy.deepcopy(live)
    for field in sorted(foreign_fields(desired, live, schema), key=_depth, reverse=True):
        _remove(cleared, field.pointer)
    version = live["metadata"]["resourceVersion"]
    patch: list[Manifest] = [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version}
    ]
    for part in (desired.keys() | live.keys()) - _BOOKKEEPING:
        if part in desired:
            inner = None if schema is None else schema.fields.get(part) or UNTYPED
            value = _over(desired[part], cleared.get(part), inner)
            patch.append({"op": "add", "path": f"/{part}", "value": value})
        elif part not in cleared:
            patch.append({"op": "remove", "path": f"/{part}"})
    return patch


def _over(desired: Any, live: Any, schema: FieldSchema | None) -> Any:  # noqa: ANN401 - JSON
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        if schema is not None and schema.atomic:
            return desired
        found = dict(live)
        for name, value in desired.items():
            inner = None if schema is None else schema.fields.get(name) or schema.values or UNTYPED
            found[name] = _over(value, live.get(name), inner)
        return found
    keys = () if schema is None else schema.keys
    if keys and isinstance(desired, Sequence) and isinstance(live, Sequence):
        return _over_items(desired, live, keys, None if schema is None else schema.items)
    return desired


def _over_items(
    desired: Sequence[Mapping[str, Any]],
    live: Sequence[Mapping[str, Any]],
    keys: tuple[str, ...],
    schema: FieldSchema | None,
) -> list[Any]:
    """Return the desired items over those of the same key, and others that share no name."""
    there = {key_of(item, keys, schema): item for item in live}
    ours = {key_of(item, keys, schema): item for item in desired}
    names = {item["name"] for item in desired if "name" in item}
    rest = [
        item for key, item in there.items() if key not in ours and item.get("name") not in names
    ]
    return [_over(item, there.get(key), schema) for key, item in ours.items()] + rest


def _remove(body: Any, pointer: Sequence[str | int]) -> None:  # noqa: ANN401 - JSON
    *way, last = pointer
    for part in way:
        body = body[part]
    del body[last]


def _depth(field: ForeignField) -> list[str]:
    return [str(part).zfill(6) for part in field.pointer]
