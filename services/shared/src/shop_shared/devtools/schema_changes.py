"""What a change of an event's JSON Schema does to those who read the event.

A publisher may say more, never less and nothing else: a field may be added; none may go, become
optional, or take values its readers have not been told of. Anything else is a new type.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Return what a reader of old can't take in new, a line each, by JSON pointer."""
    return list(_compare(_Node(old, old), _Node(new, new), ""))


class _Node:
    """A place in a schema, with the document its references point into."""

    def __init__(self, schema: Schema, document: Schema) -> None:
        while "$ref" in schema:
            schema = document["$defs"][schema["$ref"].removeprefix("#/$defs/")]
        self.schema = schema
        self._document = document

    def at(self, schema: Schema) -> "_Node":
        return _Node(schema, self._document)

    def variants(self) -> dict[str, "_Node"]:
        """Return the alternatives by what JSON type they are."""
        alternatives = self.schema.get("anyOf") or self.schema.get("oneOf")
        if alternatives:
            nodes = [self.at(each) for each in alternatives]
            return {kind: found for node in nodes for kind, found in node.variants().items()}
        types = self.schema.get("type", "any")
        return dict.fromkeys([types] if isinstance(types, str) else types, self)

    def values(self) -> set[str] | None:
        """Return the values it is limited to, if it is."""
        if "const" in self.schema:
            return {repr(self.schema["const"])}
        return {repr(value) for value in self.schema["enum"]} if "enum" in self.schema else None


def _compare(old: _Node, new: _Node, place: str) -> Iterator[str]:
    before, after = old.variants(), new.variants()
    where = place or "/"
    for kind in after.keys() - before.keys() if "any" not in before else ():
        yield f"{where}: may now be {kind}"
    for kind in after.keys() & before.keys():
        yield from _compare_kind(before[kind], after[kind], place)


def _compare_kind(old: _Node, new: _Node, place: str) -> Iterator[str]:
    where = place or "/"
    allowed = old.values()
    if allowed is not None:
        values = new.values()
        if values is None:
            yield f"{where}: is no longer limited to {', '.join(sorted(allowed))}"
        elif values - allowed:
            yield f"{where}: has new values {', '.join(sorted(values - allowed))}"
    if old.schema.get("format") != new.schema.get("format"):
        was, now = old.schema.get("format"), new.schema.get("format")
        yield f"{where}: its format was {was} and is {now}"
    fields = new.schema.get("properties", {})
    for name, field in old.schema.get("properties", {}).items():
        if name not in fields:
            yield f"{place}/{name}: is gone"
            continue
        if name in old.schema.get("required", ()) and name not in new.schema.get("required", ()):
            yield f"{place}/{name}: is no longer always there"
        yield from _compare(old.at(field), new.at(fields[name]), f"{place}/{name}")
    if "items" in old.schema and "items" in new.schema:
        yield from _compare(old.at(old.schema["items"]), new.at(new.schema["items"]), f"{place}/*")
