"""The bulk import, on a real MongoDB."""

from typing import Any

import httpx
import orjson
import pytest

from shop_product.models import EXAMPLE
from shop_shared.stores import mongo

Headers = dict[str, str]


async def send(http: httpx.AsyncClient, staff: Headers, body: bytes) -> list[dict[str, Any]]:
    headers = {**staff, "Content-Type": "application/x-ndjson"}
    answer = await http.post("/v1/products/import", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return [orjson.loads(line) for line in answer.content.splitlines()]


def line(number: int, **fields: Any) -> bytes:
    return orjson.dumps({**EXAMPLE, "sku": f"SKU-{number}", "initial_stock": 5, **fields}) + b"\n"


async def test_the_same_file_twice_changes_nothing(
    http: httpx.AsyncClient, staff: Headers, database: mongo.Database
) -> None:
    body = b"".join(line(number) for number in range(450))
    first = await send(http, staff, body)
    assert [result["line"] for result in first] == list(range(1, 451))
    assert {result["status"] for result in first} == {"created"}
    second = await send(http, staff, body)
    assert {result["status"] for result in second} == {"unchanged"}
    assert [result["id"] for result in second] == [result["id"] for result in first]
    assert await database["products"].count_documents({}) == 450
    assert await database["outbox"].count_documents({}) == 450
    assert await database["inventory"].count_documents({"on_hand": 5}) == 450


async def test_a_changed_line_updates_and_leaves_the_stock(
    http: httpx.AsyncClient, staff: Headers, database: mongo.Database
) -> None:
    await send(http, staff, line(1))
    [result] = await send(http, staff, line(1, name="Other mug", initial_stock=900))
    assert result["status"] == "updated"
    stock = await database["inventory"].find_one()
    product = await database["products"].find_one()
    assert stock is not None
    assert product is not None
    assert (stock["on_hand"], product["name"], product["version"]) == (5, "Other mug", 2)


async def test_a_bad_line_costs_only_itself(http: httpx.AsyncClient, staff: Headers) -> None:
    body = (
        line(1)
        + b"\n"
        + b'{"sku": 7}\n'
        + b"no json\n"
        + line(2, colour="blue")
        + line(3, name="x" * 300_000)
        + line(1, name="Again")
        + line(4).rstrip()
    )
    results = await send(http, staff, body)
    assert [(result["line"], result["status"]) for result in results] == [
        (1, "created"),
        (3, "invalid"),
        (4, "invalid"),
        (5, "invalid"),
        (6, "invalid"),
        (7, "updated"),
        (8, "created"),
    ]
    assert results[3]["errors"][0]["pointer"] == "/colour"


async def test_a_byte_order_mark_costs_no_line(http: httpx.AsyncClient, staff: Headers) -> None:
    results = await send(http, staff, b"\xef\xbb\xbf" + line(1) + line(2))
    assert [result["status"] for result in results] == ["created", "created"]
    assert await send(http, staff, b"\xef\xbb\xbf") == []


async def test_small_letters_and_spaces_in_a_sku_are_one_product(
    http: httpx.AsyncClient, staff: Headers
) -> None:
    body = line(1, sku="mug blue/350+lid") + line(2, sku=" MUG-Blue/350+LID ")
    first, second = await send(http, staff, body)
    assert (first["sku"], first["status"]) == ("MUG-BLUE/350+LID", "created")
    assert (second["id"], second["status"]) == (first["id"], "unchanged")


async def test_a_bad_sku_is_refused_with_the_rule(http: httpx.AsyncClient, staff: Headers) -> None:
    for sku in ("-mug", "mug\tblue", "MÜG", "mug_№1", "x" * 65, "", " "):
        [result] = await send(http, staff, line(1, sku=sku))
        assert result["status"] == "invalid"
        [error] = result["errors"]
        assert error["pointer"] == "/sku"
        assert "a SKU is 1 to 64 letters a-z, digits" in error["message"]


@pytest.mark.parametrize(
    "media_type",
    ["application/ndjson", "application/jsonl", "Application/X-NDJSON; charset=utf-8"],
)
async def test_lines_by_their_other_names(
    http: httpx.AsyncClient, staff: Headers, media_type: str
) -> None:
    headers = {**staff, "Content-Type": media_type}
    answer = await http.post("/v1/products/import", content=line(1), headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (200, "created")
