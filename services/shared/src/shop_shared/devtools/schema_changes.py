"""What a change of an event's JSON Schema (2020-12) does to those who read the event.

A publisher may add fields; none may go, become optional, or take values that the old schema does
not admit. Readers ignore fields they do not know, so `additionalProperties: false` refuses no new
field. Anything else is a new type. The comparison is conservative: where it cannot prove that the
old schema admits all that the new one does, it says so.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]
_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
_ANNOTATIONS = {
    *("title", "description", "examples", "default", "deprecated", "readOnly", "writeOnly"),
    *("$schema", "$id", "$defs", "$comment", "contentMediaType", "discriminator"),
}
_COMPARED = {
    *("type", "enum", "const", "format", "pattern", "minLength", "maxLength"),
    *("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"),
    *("items", "prefixItems", "minItems", "maxItems"),
    *("properties", "required", "additionalProperties"),
}
_PAIRS = (("minLength", 1), ("minItems", 1), ("maxLength", -1), ("maxItems", -1))


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Return what a reader of old cannot take in new, a line each, by JSON pointer."""
    return list(_Comparison(old, new).compare(old, new, ""))


class _Comparison:
    """Compares two documents; a pair of places that is being compared counts as compatible."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old = old
        self._new = new
        self._under_way: set[tuple[int, int]] = set()

    def compare(self, old: Any, new: Any, place: str) -> Iterator[str]:  # noqa: ANN401 - a schema, or a boolean
        pair = (id(_resolved(old, self._old)), id(_resolved(new, self._new)))
        if pair in self._under_way:
            return
        self._under_way.add(pair)
        yield from self._compare(old, new, place)
        self._under_way.discard(pair)

    def _compare(self, old: Any, new: Any, place: str) -> Iterator[str]:  # noqa: ANN401 - see compare
        before = list(_branches(old, self._old))
        said: set[str] = set()
        for after in _branches(new, self._new):
            found = self._least(before, after, place)
            yield from (line for line in found if line not in said)
            said.update(found)

    def _least(self, before: Sequence[Schema], after: Schema, place: str) -> list[str]:
        """Return the problems with the alternative of old that fits best."""
        where, kind = place or "/", after["type"]
        fitting = [each for each in before if kind in _readable(each["type"])]
        if not fitting:
            return [f"{where}: may now be {kind}"]
        return min((list(self._of_type(each, after, place)) for each in fitting), key=len)

    def _of_type(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        where = place or "/"
        for keyword in sorted((old.keys() | new.keys()) - _COMPARED - _ANNOTATIONS):
            if keyword in old and old[keyword] != new.get(keyword):
                yield f"{where}: {keyword} differs, which cannot be compared"
        values = _values(new)
        if values is not None and "enum" not in old and "const" not in old:
            refused = sorted(repr(value) for value in values if not _admits(old, value))
            if refused:
                yield f"{where}: has new values {', '.join(refused)}"
            if new["type"] not in {"array", "object"}:
                return
        yield from _of_values(_values(old), values, where)
        yield from _of_bounds(old, new, where)
        if new["type"] == "array":
            yield from self._of_items(old, new, place)
        if new["type"] == "object":
            yield from self._of_fields(old, new, place)

    def _of_items(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        first, now_first = old.get("prefixItems", ()), new.get("prefixItems", ())
        most = new.get("maxItems")
        positions = max(len(first), len(now_first))
        for position in range(positions + 1):
            after = now_first[position] if position < len(now_first) else new.get("items", True)
            if after is False or (most is not None and position >= most):
                return  # there is no such item
            before = first[position] if position < len(first) else old.get("items", True)
            name = "*" if position == positions else str(position)
            yield from self.compare(before, after, f"{place}/{name}")

    def _of_fields(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        fields, now_fields = old.get("properties", {}), new.get("properties", {})
        others, now_others = old.get("additionalProperties"), new.get("additionalProperties", True)
        for name, field in fields.items():
            if name not in now_fields:
                yield f"{place}/{name}: is gone"
                continue
            if name in old.get("required", ()) and name not in new.get("required", ()):
                yield f"{place}/{name}: is no longer always there"
            yield from self.compare(field, now_fields[name], f"{place}/{name}")
        for name in set(old.get("required", ())) - fields.keys() - set(new.get("required", ())):
            yield f"{place}/{name}: is no longer always there"
        if isinstance(others, Mapping):
            for name in sorted(now_fields.keys() - fields.keys()):
                yield from self.compare(others, now_fields[name], f"{place}/{name}")
            if now_others is not False:
                yield from self.compare(others, now_others, f"{place}/*")


def _resolved(schema: Any, document: Schema) -> Any:  # noqa: ANN401 - a schema, or a boolean
    seen: set[str] = set()
    while isinstance(schema, Mapping) and "$ref" in schema and schema["$ref"] not in seen:
        seen.add(schema["$ref"])
        target = schema["$ref"]
        schema = document if target == "#" else document["$defs"][target.removeprefix("#/$defs/")]
    return schema


def _branches(
    schema: Any,  # noqa: ANN401 - see _resolved
    document: Schema,
    above: frozenset[int] = frozenset(),
) -> Iterator[dict[str, Any]]:
    """Yield the alternatives of a schema, each of one type; one that is its own adds nothing."""
    schema = _resolved(schema, document)
    if schema is False or id(schema) in above:
        return
    if schema is True:
        schema = {}
    for union in ("anyOf", "oneOf"):
        if union in schema:
            around = {key: value for key, value in schema.items() if key != union}
            inside = above | {id(schema)}
            for alternative in schema[union]:
                for branch in _branches(alternative, document, inside):
                    yield from _of_types(_both(around, branch))
            return
    yield from _of_types(schema)


def _both(around: Schema, branch: Schema) -> dict[str, Any]:
    """Put what stands beside a union into an alternative; a clash of both cannot be compared."""
    clash = {
        f"{key} beside the union": around[key]
        for key in around.keys() & branch.keys() - _ANNOTATIONS
        if around[key] != branch[key]
    }
    return {**around, **branch, **clash}


def _of_types(schema: Schema) -> Iterator[dict[str, Any]]:
    values = _values(schema)
    types = schema.get("type")
    if types is None:
        types = _TYPES if values is None else sorted({_type_of(value) for value in values})
        types = [kind for kind in types if kind != "integer" or "number" not in types]
    for kind in [types] if isinstance(types, str) else types:
        if values is None:
            yield {**schema, "type": kind}
            continue
        own = [value for value in values if _type_of(value) in _written(kind)]
        if own:
            without = {key: value for key, value in schema.items() if key not in {"const", "enum"}}
            yield {**without, "type": kind, "enum": own}


def _written(kind: str) -> set[str]:
    return {"integer", "number"} if kind == "number" else {kind}


def _readable(kind: str) -> set[str]:
    """Return the types whose values are also of this type."""
    return {"integer", "number"} if kind == "number" else {kind}


_OF_PYTHON = {type(None): "null", bool: "boolean", int: "integer", str: "string", list: "array"}


def _type_of(value: object) -> str:
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    return _OF_PYTHON.get(type(value), "object")


def _values(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return list(schema["enum"]) if "enum" in schema else None


def _of_values(allowed: list[Any] | None, values: list[Any] | None, where: str) -> Iterator[str]:
    if allowed is None:
        return
    known = {repr(value) for value in allowed}
    if values is None:
        yield f"{where}: is no longer limited to {', '.join(sorted(known))}"
    elif more := {repr(value) for value in values} - known:
        yield f"{where}: has new values {', '.join(sorted(more))}"


def _of_bounds(old: Schema, new: Schema, where: str) -> Iterator[str]:
    for keyword in ("format", "pattern"):
        if keyword in old and old[keyword] != new.get(keyword):
            yield f"{where}: its {keyword} was {old[keyword]} and is {new.get(keyword)}"
    for keyword, sign in _PAIRS:
        bound, now = old.get(keyword), new.get(keyword, 0 if sign == 1 else None)
        if bound is not None and (now is None or now * sign < bound * sign):
            yield f"{where}: its {keyword} was {bound} and is {now}"
    if new["type"] in {"integer", "number"}:
        for side, sign in (("inimum", 1), ("aximum", -1)):
            bound, now = _limit(old, side, sign), _limit(new, side, sign)
            if bound is not None and (now is None or now < bound):
                yield f"{where}: its m{side} is wider than it was"


def _limit(schema: Schema, side: str, sign: int) -> tuple[float, bool] | None:
    """Return the narrower of a side's bounds, as what grows with narrowness."""
    bounds = [
        (schema[keyword] * sign, excluded)
        for keyword, excluded in ((f"m{side}", False), (f"exclusiveM{side}", True))
        if keyword in schema
    ]
    return max(bounds, default=None)


def _admits(schema: Schema, value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Return whether a schema without alternatives admits a value; False where that is unclear."""
    match value:
        case str():
            return (
                schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
                and re.search(schema.get("pattern", ""), value) is not None
            )
        case bool() | None:
            return True
        case int() | float():
            only: dict[str, Any] = {"type": "number", "minimum": value, "maximum": value}
            return not list(_of_bounds(schema, only, ""))
        case _:
            return not (schema.keys() - _ANNOTATIONS - {"type"})
