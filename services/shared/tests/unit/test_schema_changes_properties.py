"""What the new schema admits, the old reader takes, whenever no breaking change is reported."""

import copy
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shop_shared.devtools.schema_changes import breaking_changes

Schema = dict[str, Any]
NAMES = st.sampled_from(["a", "b", "c"])
TEXTS = st.text("abc", max_size=4)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.5]), TEXTS)


def bounded(kind: str, low: str, high: str) -> st.SearchStrategy[Schema]:
    small = st.integers(0, 4)
    return st.fixed_dictionaries({"type": st.just(kind)}, optional={low: small, high: small})


LEAVES: st.SearchStrategy[Schema] = st.one_of(
    st.sampled_from([{}, {"type": "null"}, {"type": "boolean"}, {"$ref": "#/$defs/Node"}]),
    bounded("string", "minLength", "maxLength"),
    bounded("integer", "minimum", "maximum"),
    bounded("number", "exclusiveMinimum", "maximum"),
    st.lists(SCALARS, min_size=1, max_size=3).map(lambda values: {"enum": values}),
    SCALARS.map(lambda value: {"const": value}),
    st.just({"type": ["string", "null"]}),
)


def objects(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(NAMES, inner, max_size=3)},
        optional={
            "required": st.lists(NAMES, unique=True, max_size=3),
            "additionalProperties": st.one_of(st.booleans(), inner),
        },
    )


def arrays(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.fixed_dictionaries(
        {"type": st.just("array")},
        optional={
            "items": st.one_of(inner, st.booleans()),
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "minItems": st.integers(0, 2),
            "maxItems": st.integers(0, 3),
        },
    )


SCHEMAS: st.SearchStrategy[Schema] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        objects(inner),
        arrays(inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda options: {"anyOf": options}),
    ),
    max_leaves=6,
)
DOCUMENTS = st.builds(lambda root, node: {**root, "$defs": {"Node": node}}, SCHEMAS, SCHEMAS)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=3,
)


@st.composite
def instances(  # noqa: C901, PLR0911 - a branch a kind of schema
    draw: st.DrawFn, schema: Any, document: Schema, depth: int = 0
) -> Any:
    """Values that a schema was probably made for; a validator says which it really admits."""
    if isinstance(schema, bool) or depth > 4:
        return draw(ANYTHING)
    if "$ref" in schema:
        return draw(instances(document["$defs"]["Node"], document, depth + 1))
    if "anyOf" in schema:
        return draw(instances(draw(st.sampled_from(schema["anyOf"])), document, depth + 1))
    for keyword in ("enum", "const"):
        if keyword in schema:
            return draw(st.sampled_from(schema["enum"])) if keyword == "enum" else schema["const"]
    kinds = schema.get("type", ["null", "string", "integer", "array", "object"])
    match kinds if isinstance(kinds, str) else draw(st.sampled_from(kinds)):
        case "string":
            return draw(st.text("abc", max_size=6))
        case "integer":
            return draw(st.integers(-6, 6))
        case "number":
            return draw(st.sampled_from([number / 2 for number in range(-12, 13)]))
        case "boolean":
            return draw(st.booleans())
        case "null":
            return None
        case "array":
            first = schema.get("prefixItems", [])
            length = draw(st.integers(0, 4))
            rest = schema.get("items", True)
            parts = [first[n] if n < len(first) else rest for n in range(length)]
            return [draw(instances(part, document, depth + 1)) for part in parts]
        case _:
            fields = schema.get("properties", {})
            names = draw(st.sets(NAMES)) | set(schema.get("required", ()))
            others = schema.get("additionalProperties", True)
            return {
                name: draw(instances(fields.get(name, others), document, depth + 1))
                for name in sorted(names)
                if name in fields or others is not False
            }


def tolerant(schema: Any) -> Any:
    """The schema of a reader that ignores fields it does not know."""
    if isinstance(schema, list):
        return [tolerant(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: tolerant(value) for key, value in schema.items() if key not in {"enum", "const"}}
    made |= {key: schema[key] for key in ("enum", "const") if key in schema}
    if made.get("additionalProperties") is False:
        del made["additionalProperties"]
    return made


BOUNDS = {
    *("minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "minItems", "maxItems")
}


@st.composite
def evolved(draw: st.DrawFn) -> tuple[Schema, Schema]:
    """A schema, and one that shares most of it."""
    old = draw(DOCUMENTS)
    new = copy.deepcopy(old)
    flip: st.SearchStrategy[bool] = st.booleans()
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.sampled_from(list(_places(new))))
        bounds: list[str] = [key for key in place if key in BOUNDS]
        if draw(flip) and bounds:
            place[draw(st.sampled_from(bounds))] = draw(st.integers(0, 5))
            continue
        if draw(flip) and place:
            gone = draw(st.sampled_from([key for key in place if key != "$defs"] or ["none"]))
            place.pop(gone, None)
            continue
        changed = copy.deepcopy(draw(SCHEMAS))
        kept = {"$defs": place["$defs"]} if "$defs" in place else {}
        if draw(flip):
            place.clear()
        place.update({**changed, **kept})
    return old, new


def _places(schema: Any) -> Any:
    if isinstance(schema, dict):
        if not {"properties", "$defs"} & schema.keys() or "type" in schema or "$defs" in schema:
            yield schema
        for key, value in schema.items():
            if key in {"properties", "$defs"}:
                for each in value.values():
                    yield from _places(each)
            elif key not in {"enum", "const"}:
                yield from _places(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from _places(each)


def endless(schema: Schema) -> bool:
    """Whether a reference leads to itself with nothing in between, which no validator takes."""
    return "$ref" in str(schema["$defs"]["Node"]) and "properties" not in schema["$defs"]["Node"]


@settings(max_examples=1000, deadline=None)
@given(pair=evolved(), data=st.data())
def test_what_the_new_schema_admits_the_old_reader_takes(
    pair: tuple[Schema, Schema], data: st.DataObject
) -> None:
    old, new = pair
    assume(not endless(old) and not endless(new))
    if breaking_changes(old, new):
        return
    writer = jsonschema_rs.Draft202012Validator(new)
    reader = jsonschema_rs.Draft202012Validator(tolerant(old))
    for value in data.draw(st.lists(instances(new, new), min_size=1, max_size=8)):
        if writer.is_valid(value):
            assert reader.is_valid(value), (old, new, value)


@settings(max_examples=200, deadline=None)
@given(schema=DOCUMENTS)
def test_a_schema_that_stays_as_it_is_breaks_nobody(schema: Schema) -> None:
    assume(not endless(schema))
    assert breaking_changes(schema, copy.deepcopy(schema)) == []


TREE = {
    "$ref": "#/$defs/Tree",
    "$defs": {
        "Tree": {
            "type": "object",
            "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
            "required": ["children"],
        }
    },
}


def test_a_recursive_schema_is_compared_to_its_end() -> None:
    assert breaking_changes(TREE, copy.deepcopy(TREE)) == []
    changed: Any = copy.deepcopy(TREE)
    changed["$defs"]["Tree"]["required"] = []
    assert breaking_changes(TREE, changed) == ["/children: is no longer always there"]


def test_a_union_that_is_its_own_alternative_ends() -> None:
    own = {"anyOf": [{"$ref": "#/$defs/Own"}, {"type": "integer"}]}
    document: Schema = {"$ref": "#/$defs/Own", "$defs": {"Own": own}}
    assert breaking_changes(document, copy.deepcopy(document)) == []
    assert breaking_changes({"type": "integer"}, document) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            {"type": "object", "additionalProperties": {"type": "integer"}},
            {"type": "object", "additionalProperties": {"type": "string"}},
        ),
        (
            {"type": "object", "additionalProperties": {"type": "integer"}},
            {
                "type": "object",
                "additionalProperties": {"type": "integer"},
                "properties": {"a": {}},
            },
        ),
        (
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]},
        ),
        ({"type": "integer", "maximum": 10}, {"type": "integer", "maximum": 11}),
        ({"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 0}),
        ({"type": "string", "maxLength": 10}, {"type": "string"}),
        ({"type": "array", "minItems": 1}, {"type": "array"}),
        ({"type": "string", "pattern": "^a"}, {"type": "string"}),
        (
            {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]},
            {"anyOf": [{"type": "string", "maxLength": 4}, {"type": "null"}]},
        ),
        ({"type": "integer"}, {"type": "number"}),
        ({"type": "string"}, {}),
    ],
)
def test_a_change_that_widens_what_may_come_is_reported(old: Schema, new: Schema) -> None:
    assert breaking_changes(old, new)
