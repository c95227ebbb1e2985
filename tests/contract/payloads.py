"""Payloads that a producer's model allows: each field in turn at each of its extremes.

Made from the model's types and kept where the model itself accepts them, so that no list of
examples has to follow the models; the same ones at every run.
"""

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson
from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

Model = TypeVar("Model", bound=BaseModel)

_VALUES: Mapping[Any, Sequence[object]] = {
    UUID: (UUID("01989f6a-0000-7000-8000-00000000000a"), UUID(int=0)),
    datetime: (
        datetime(2026, 1, 1, 12, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ),
    str: (
        "plain",
        "USD",
        "GB",
        "SW1Y 4JH",
        "+441234567890",
        "",
        'Zoë "O\'Neil" \\ 你好 🛒\u2028',
        "x" * 500,
    ),
    int: (1, 0, -1, 2**53 - 1),
    bool: (True, False),
    type(None): (None,),
    Any: ("anything", {"nested": [1, None]}),
    object: ("anything", {"nested": [1, None]}),
    JsonValue: ("anything", {"nested": [1, None]}),
}


def payloads(model: type[Model]) -> list[Model]:
    """Return the model's payloads; the first has everything, each other differs in one field."""
    options = {name: _of_field(field) for name, field in model.model_fields.items()}
    whole = {name: values[0] for name, values in options.items()}
    made = [model.model_validate(whole)]
    for name, values in options.items():
        for value in values[1:]:
            try:
                made.append(model.model_validate({**whole, name: value}))
            except ValidationError:
                continue
    return made


def on_the_wire(payload: BaseModel) -> bytes:
    """Return a payload's JSON, written as `shop_shared.messaging.events.event` writes it."""
    return payload.__pydantic_serializer__.to_json(payload)


def _of_field(field: FieldInfo) -> list[object]:
    kind: Any = field.annotation
    adapter = TypeAdapter[Any](Annotated[kind, *field.metadata] if field.metadata else kind)
    allowed = [value for value in _of(kind) if _accepts(adapter, value)]
    assert allowed, f"no value made for {field}"
    return allowed


def _of(kind: Any) -> Iterator[object]:  # noqa: C901 - a branch a kind of type
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        adapter = TypeAdapter[Any](kind)
        yield from (value for value in _of(arguments[0]) if _accepts(adapter, value))
    elif origin in {Union, types.UnionType}:
        for option in arguments:
            yield from _of(option)
    elif origin is Literal:
        yield from arguments
    elif origin in {list, tuple}:
        items = list(_of(arguments[0]))
        yield [items[0]]
        yield items
        yield []
    elif origin is dict:
        yield {"key": value} if (value := next(_of(arguments[1]))) else {}
        yield {}
    elif isinstance(kind, type) and issubclass(kind, Enum):
        yield from kind
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        yield from (orjson.loads(on_the_wire(payload)) for payload in payloads(kind))
    elif is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        options = {field.name: list(_of(hints[field.name])) for field in fields(kind)}
        whole = {name: values[0] for name, values in options.items()}
        for name, values in options.items():
            yield from ({**whole, name: value} for value in values)
    else:
        yield from _VALUES[kind]


def _accepts(adapter: TypeAdapter[Any], value: object) -> bool:
    try:
        adapter.validate_python(value)
    except ValidationError:
        return False
    return True
