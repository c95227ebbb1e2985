from typing import Any, ClassVar, Literal

import orjson
import pytest
from pydantic import BaseModel, Field, create_model

from shop_shared.devtools.contracts import files_of
from shop_shared.devtools.schema_changes import breaking_changes
from shop_shared.messaging.asyncapi import Contract, document
from shop_shared.messaging.events import EventPayload, ReceivedEvent
from shop_shared.messaging.subscriptions import Subscription


class Line(BaseModel):
    sku: str


class Placed(EventPayload):
    """An order was placed."""

    type: ClassVar[str] = "minishop.order.placed.v1"
    aggregate: ClassVar[str] = "order"
    order_id: str
    reason: Literal["a", "b"]
    lines: list[Line]
    note: str | None = None


class Captured(BaseModel):
    payment_id: str


OLD = Placed.model_json_schema(mode="serialization")


def changed(**fields: Any) -> dict[str, Any]:
    kinds: dict[str, Any] = {
        "order_id": str,
        "reason": Literal["a", "b"],
        "lines": list[Line],
        "note": str | None,
        **{name: kind for name, kind in fields.items() if kind is not None},
    }
    definitions: dict[str, Any] = {name: (kind, ...) for name, kind in kinds.items()}
    model = create_model("Placed", **definitions)
    schema = model.model_json_schema(mode="serialization")
    for name in [name for name, kind in fields.items() if kind is None]:
        del schema["properties"][name]
    return schema


class Wider(BaseModel):
    sku: str | None


class Longer(BaseModel):
    sku: str
    name: str


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        changed(added=int),
        changed(note=str),
        changed(reason=Literal["a"]),
        changed(lines=list[Longer]),
    ],
)
def test_saying_more_breaks_nobody(new: dict[str, Any]) -> None:
    assert breaking_changes(OLD, new) == []


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (changed(order_id=None), "/order_id: is gone"),
        (changed(order_id=int), "/order_id: may now be integer"),
        (changed(order_id=str | None), "/order_id: may now be null"),
        (changed(reason=Literal["a", "b", "c"]), "/reason: has new values 'c'"),
        (changed(reason=str), "/reason: is no longer limited to 'a', 'b'"),
        (changed(lines=list[Wider]), "/lines/*/sku: may now be null"),
        ({**OLD, "required": ["reason", "lines", "note"]}, "/order_id: is no longer always there"),
    ],
)
def test_what_breaks_a_reader(new: dict[str, Any], said: str) -> None:
    assert breaking_changes(OLD, new) == [said]


def test_contract_files_are_of_what_a_service_publishes() -> None:
    class Described(Placed):
        lines: list[Line] = Field(description="what was ordered")

    async def handle(_tx: None, _captured: Captured, _event: ReceivedEvent) -> None:
        """Only the contract counts here."""

    captured = Subscription("payment.events", "minishop.payment.captured.v1", Captured, handle)
    contract = Contract(publishes=[Described], subscriptions=[captured])
    files = files_of(document(contract, title="Order", version="1"))
    assert sorted(files) == ["asyncapi.json", "schemas/minishop.order.placed.v1.json"]
    assert b'"asyncapi": "3.0.0"' in files["asyncapi.json"]
    assert b"payment_id" in files["asyncapi.json"]
    schema = orjson.loads(files["schemas/minishop.order.placed.v1.json"])
    assert schema["properties"]["lines"]["items"] == {"$ref": "#/$defs/Line"}
    assert "note" in schema["required"]
