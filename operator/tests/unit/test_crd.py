"""The CRD says all that it should, and the typed spec says the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel

from shop_operator.spec import Spec

CRD = yaml.safe_load((Path(__file__).parents[3] / "crds" / "shopservice.yaml").read_text())
VERSION = CRD["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]["properties"]


def _fields(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from _fields(field, f"{path}.{name}")
        yield from _fields(field.get("items", {}), f"{path}.{name}[]")


def test_every_field_is_explained() -> None:
    fields = [*_fields(SCHEMA["spec"], "spec"), *_fields(SCHEMA["status"], "status")]
    assert len(fields) > 60
    assert [path for path, field in fields if not field.get("description")] == []


def test_every_list_says_how_it_merges() -> None:
    lists = {p: f for p, f in _fields(SCHEMA["spec"], "spec") if f.get("type") == "array"}
    assert len(lists) > 8
    assert [p for p, f in lists.items() if "x-kubernetes-list-type" not in f] == []


def test_the_typed_spec_has_the_same_fields_and_defaults() -> None:
    _same(SCHEMA["spec"], Spec, "spec")


def _same(schema: dict[str, Any], model: type[BaseModel], path: str) -> None:
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    assert set(fields) == set(schema["properties"]), path
    required = {name for name, field in fields.items() if field.is_required()}
    assert required == set(schema.get("required", ())), path
    for name, field in fields.items():
        inner = schema["properties"][name]
        default = inner.get("default")
        if default not in (None, {}, {"provider": "kubernetes"}):
            assert field.default == default, f"{path}.{name}"
        model_of = _model(field.annotation)
        if model_of is not None:
            _same(inner.get("items", inner), model_of, f"{path}.{name}")


def _model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model, get_args(annotation))), None)


def test_printer_columns_and_subresources() -> None:
    columns = {
        column["name"]: column.get("priority", 0) for column in VERSION["additionalPrinterColumns"]
    }
    assert columns == {
        "Ready": 0,
        "Reason": 0,
        "Replicas": 0,
        "URL": 0,
        "Age": 0,
        "Image": 1,
        "Synced": 1,
    }
    assert set(VERSION["subresources"]) == {"status", "scale"}
