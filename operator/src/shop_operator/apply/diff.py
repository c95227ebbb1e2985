"""Finds desired fields that the live object lacks or has with another value.

Only desired fields are compared: what others added (an injected sidecar, replicas under an
autoscaler, the server's defaults) is no drift. Lists that the API merges by key are compared by
key, the others element by element.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeGuard

_KEYED: Final[dict[str, tuple[str, ...]]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
    "ownerReferences": ("uid",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
_SUFFIXES: Final = {
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}


def differences(desired: Mapping[str, Any], live: Mapping[str, Any]) -> list[str]:
    """Return the paths of desired fields that differ in `live`, such as `spec.template.spec`."""
    return list(_compare(desired, live, ()))


def _compare(desired: object, live: object, path: tuple[str, ...]) -> Iterator[str]:
    if desired == live or (_absent(desired) and _absent(live)):
        return
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        for name, value in desired.items():
            yield from _compare(value, live.get(name), (*path, str(name)))
    elif _is_list(desired) and _is_list(live):
        yield from _compare_lists(desired, live, path)
    elif not _same_quantity(desired, live, path):
        yield ".".join(path)


def _compare_lists(
    desired: Sequence[Any], live: Sequence[Any], path: tuple[str, ...]
) -> Iterator[str]:
    keys = _KEYED.get(path[-1])
    if keys:
        by_key = {_key(item, keys): item for item in live}
        for item in desired:
            key = _key(item, keys)
            at = (*path[:-1], f"{path[-1]}[{','.join(map(str, key))}]")
            if key in by_key:
                yield from _compare(item, by_key[key], at)
            else:
                yield ".".join(at)
    elif len(desired) != len(live):
        yield ".".join(path)
    else:
        for index, (wanted, found) in enumerate(zip(desired, live, strict=True)):
            yield from _compare(wanted, found, (*path[:-1], f"{path[-1]}[{index}]"))


def _key(item: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(item.get(key) for key in keys)


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _absent(value: object) -> bool:
    """Return True for empty values, which the API server leaves out."""
    return value is None or value == "" or (isinstance(value, Mapping | list) and not value)


def _same_quantity(desired: object, live: object, path: tuple[str, ...]) -> bool:
    """Return True for equal Kubernetes quantities: the API server writes 1000m as 1."""
    if len(path) < 3 or path[-3] != "resources":  # noqa: PLR2004 - resources.requests.cpu
        return False
    return _quantity(desired) == _quantity(live) is not None


def _quantity(value: object) -> Decimal | None:
    text = str(value)
    number = text.rstrip("mkKMGTPEi")
    try:
        return Decimal(number) * _SUFFIXES.get(text[len(number) :], Decimal(1))
    except ArithmeticError:
        return None
