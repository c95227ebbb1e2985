"""Finds desired fields that the live object lacks or has with another value.

Only desired fields are compared: what others added (an injected sidecar, replicas under an
autoscaler, the server's defaults) is no difference. The API's own schema says how: a map or list
with one owner is compared whole, a list of keyed items by key, a quantity as a quantity. Where the
schema is not known, `_GUESSED_KEYS` and the default of server-side apply are used instead.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeGuard

from shop_operator.api.schemas import UNTYPED, FieldSchema
from shop_operator.apply.quantity import same_quantity

_GUESSED_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
    "imagePullSecrets": ("name",),
    "ownerReferences": ("uid",),
    "ports": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
_GUESSED_DEFAULTS: Final = {"protocol": "TCP"}
_GUESSED_ATOMIC: Final = frozenset({"selector", "matchLabels", "nodeSelector"})
_GUESSED_QUANTITIES: Final = frozenset(
    {"requests", "limits", "sizeLimit", "divisor", "averageValue", "capacity", "default"}
)


def differences(
    desired: Mapping[str, Any], live: Mapping[str, Any], schema: FieldSchema | None = None
) -> list[str]:
    """Return the paths of desired fields that differ in `live`, such as `spec.template.spec`."""
    return list(_compare(desired, live, schema, (), whole=False))


def _compare(
    desired: object, live: object, schema: FieldSchema | None, path: tuple[str, ...], *, whole: bool
) -> Iterator[str]:
    """Yield the differences; `whole` inside a map or list that has one owner."""
    if desired == live or (_absent(desired) and _absent(live)):
        return
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        yield from _compare_maps(desired, live, schema, path, whole=whole)
    elif _is_list(desired) and _is_list(live):
        yield from _compare_lists(desired, live, schema, path, whole=whole)
    elif not (_is_quantity(schema, path) and same_quantity(desired, live)):
        yield ".".join(path)


def _compare_maps(
    desired: Mapping[str, Any],
    live: Mapping[str, Any],
    schema: FieldSchema | None,
    path: tuple[str, ...],
    *,
    whole: bool,
) -> Iterator[str]:
    if schema is None:
        atomic = bool(path) and path[-1] in _GUESSED_ATOMIC
        has_any_keys = all(isinstance(value, str) for value in live.values())
    else:
        atomic, has_any_keys = whole or schema.atomic, not schema.fields
    # An object with one owner may have defaults beside what is desired; a map has none.
    if atomic and has_any_keys and live.keys() - desired.keys():
        yield ".".join(path)
        return
    for name, value in desired.items():
        part = _part(schema, name)
        yield from _compare(value, live.get(name), part, (*path, str(name)), whole=atomic)


def _compare_lists(
    desired: Sequence[Any],
    live: Sequence[Any],
    schema: FieldSchema | None,
    path: tuple[str, ...],
    *,
    whole: bool,
) -> Iterator[str]:
    keys = _guessed_keys(path[-1], desired, live) if schema is None else schema.keys
    items = None if schema is None else schema.items or UNTYPED
    if keys and not whole:
        by_key = {key_of(item, keys, items): item for item in live}
        for item in desired:
            key = key_of(item, keys, items)
            at = (*path[:-1], f"{path[-1]}[{','.join(map(str, key))}]")
            if key in by_key:
                yield from _compare(item, by_key[key], items, at, whole=False)
            else:
                yield ".".join(at)
    elif schema is not None and schema.is_set and not whole:
        if any(item not in live for item in desired):
            yield ".".join(path)
    elif len(desired) != len(live):
        yield ".".join(path)
    else:
        for index, (wanted, found) in enumerate(zip(desired, live, strict=True)):
            at = (*path[:-1], f"{path[-1]}[{index}]")
            yield from _compare(wanted, found, items, at, whole=True)


def _guessed_keys(name: str, *lists: Sequence[Any]) -> tuple[str, ...]:
    """Return the keys that a list of this name usually has, if they tell its items apart."""
    keys = _GUESSED_KEYS.get(name, ())
    for items in lists:
        if not all(isinstance(item, Mapping) for item in items):
            return ()
        found = [tuple(item.get(key) for key in keys) for item in items]
        if len(set(found)) < len(found) or any(None in key for key in found):
            return ()
    return keys


def key_of(
    item: Mapping[str, Any], keys: tuple[str, ...], schema: FieldSchema | None
) -> tuple[Any, ...]:
    """Return what tells an item of a list apart; a key that is left out has its default."""

    def default(key: str) -> object:
        if schema is None:
            return _GUESSED_DEFAULTS.get(key)
        part = schema.fields.get(key)
        return None if part is None else part.default

    return tuple(item[key] if key in item else default(key) for key in keys)


def _part(schema: FieldSchema | None, name: str) -> FieldSchema | None:
    """Return the schema of a field; below one that allows anything it is UNTYPED."""
    if schema is None:
        return None
    return schema.fields.get(name) or schema.values or UNTYPED


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _absent(value: object) -> bool:
    """Return True for empty values, which the API server leaves out."""
    return value is None or value == "" or (isinstance(value, Mapping | list) and not value)


def _is_quantity(schema: FieldSchema | None, path: tuple[str, ...]) -> bool:
    if schema is not None:
        return schema.quantity
    return any(name in _GUESSED_QUANTITIES for name in path[-2:])
