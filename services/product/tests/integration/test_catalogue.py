"""The catalogue over HTTP, on a real MongoDB."""

from typing import Any

import httpx
import orjson
import pytest

from shop_product.models import EXAMPLE
from shop_shared.stores import mongo
from shop_shared.testing import assert_refused, bad_requests

Headers = dict[str, str]
Json = dict[str, Any]
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1v1z"/></svg>'


async def add(http: httpx.AsyncClient, staff: Headers, **fields: Any) -> Json:
    answer = await http.post("/v1/products", json={**EXAMPLE, **fields}, headers=staff)
    assert answer.status_code == 201, answer.text
    product: Json = answer.json()
    return product


async def skus(http: httpx.AsyncClient, **query: Any) -> list[str]:
    """All pages of a list, two a page."""
    found: list[str] = []
    while True:
        answer = await http.get("/v1/products", params={"limit": 2, **query})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [item["sku"] for item in page["items"]]
        if not page["next_cursor"]:
            return found
        query["cursor"] = page["next_cursor"]


async def test_a_product_is_made_read_and_told(
    http: httpx.AsyncClient, staff: Headers, database: mongo.Database
) -> None:
    made = await add(http, staff, initial_stock=40, image_svg=SVG)
    read = await http.get(f"/v1/products/{made['id']}")
    assert read.json() == made
    assert read.headers["etag"] == '"1"'
    assert (made["available"], made["price"]) == (40, {"amount": 1499, "currency": "USD"})
    picture = await http.get(made["image_url"])
    assert picture.text == SVG
    assert "sandbox" in picture.headers["content-security-policy"]
    [event] = await database["outbox"].find().to_list()
    assert event["type"] == "minishop.product.created.v1"
    assert orjson.loads(event["payload"])["sku"] == "MUG-BLUE-350"


async def test_a_sku_is_taken_once_until_its_product_goes(
    http: httpx.AsyncClient, staff: Headers
) -> None:
    made = await add(http, staff)
    again = await http.post("/v1/products", json=EXAMPLE, headers=staff)
    assert (again.status_code, again.json()["code"]) == (409, "sku_taken")
    url = f"/v1/products/{made['id']}"
    assert (await http.delete(url, headers={**staff, "If-Match": '"1"'})).status_code == 204
    assert (await http.get(url)).status_code == 404
    await add(http, staff)


async def test_an_edit_needs_the_version_it_is_based_on(
    http: httpx.AsyncClient, staff: Headers, database: mongo.Database
) -> None:
    url = f"/v1/products/{(await add(http, staff))['id']}"

    async def rename(name: str, tag: str | None = None) -> httpx.Response:
        headers = {**staff, "If-Match": tag} if tag else staff
        return await http.patch(url, json={"name": name}, headers=headers)

    assert (await rename("Cup")).status_code == 428
    changed = await rename("Cup", tag='"1"')
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert (await rename("Bowl", tag='"1"')).status_code == 412
    assert (await http.get(url)).json()["name"] == "Cup"
    assert await database["outbox"].count_documents({"type": "minishop.product.updated.v1"}) == 1


async def test_lists_are_searched_filtered_sorted_and_paged(
    http: httpx.AsyncClient, staff: Headers
) -> None:
    for sku, name, category, cents in (
        ("A", "Red teapot", "kitchen", 3000),
        ("B", "Blue teapot", "kitchen", 2000),
        ("C", "Desk lamp", "lighting", 2000),
        ("D", "Floor lamp", "lighting", 9000),
        ("E", "Blanket", "bedroom", 5000),
    ):
        await add(
            http,
            staff,
            sku=sku,
            name=name,
            category=category,
            tags=[],
            description="",
            price={"amount": cents, "currency": "USD"},
        )
    await add(http, staff, sku="HIDDEN", active=False)
    assert await skus(http) == ["E", "D", "C", "B", "A"]
    assert await skus(http, sort="price") == ["B", "C", "A", "E", "D"]
    assert await skus(http, sort="-price") == ["D", "E", "A", "C", "B"]
    assert await skus(http, sort="name") == ["E", "B", "C", "D", "A"]
    assert await skus(http, category="lighting") == ["D", "C"]
    assert await skus(http, min_price=3000, max_price=5000) == ["E", "A"]
    assert await skus(http, q="lamps", sort="price") == ["C", "D"]
    assert sorted(await skus(http, q="teapot lamp blanket")) == ["A", "B", "C", "D", "E"]
    assert await skus(http, currency="EUR") == []
    categories = (await http.get("/v1/products/categories")).json()["items"]
    assert categories[1] == {"category": "kitchen", "products": 2}


async def test_a_list_is_kept_until_the_catalogue_changes(
    http: httpx.AsyncClient, staff: Headers, database: mongo.Database
) -> None:
    made = await add(http, staff, initial_stock=3)
    first = await http.get("/v1/products")
    await database["inventory"].update_many({}, {"$inc": {"on_hand": 5}})
    kept = await http.get("/v1/products")
    assert kept.content == first.content
    known = await http.get("/v1/products", headers={"If-None-Match": first.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    url = f"/v1/products/{made['id']}/inventory/adjustments"
    await http.post(url, json={"delta": 1, "reason": "found"}, headers=staff)
    assert (await http.get("/v1/products")).json()["items"][0]["available"] == 9


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "sort=sku",
        "sort=relevance",
        "min_price=-1",
        "max_price=1e400",
        "category[$ne]=x&category=$ne",
        "cursor=nonsense",
        "cursor=WyJhIiwiYiJd",
        "q=" + "x" * 101,
        "q=%00",
        "currency=XXX",
    ],
)
async def test_a_bad_query_is_refused(http: httpx.AsyncClient, query: str) -> None:
    assert (await http.get(f"/v1/products?{query}")).status_code == 422


@pytest.mark.parametrize("words", ['"', "-", "--", '"unclosed', "$ne", '{"$gt":""}', "\\", "%"])
async def test_operators_in_a_search_are_text(http: httpx.AsyncClient, words: str) -> None:
    assert (await http.get("/v1/products", params={"q": words})).status_code == 200


async def test_bad_input(http: httpx.AsyncClient, staff: Headers) -> None:
    for bad in bad_requests(EXAMPLE):
        await assert_refused(http, "POST", "/v1/products", bad, headers=staff)


async def test_only_staff_changes_the_catalogue(
    http: httpx.AsyncClient, staff: Headers, customer: Headers
) -> None:
    url = f"/v1/products/{(await add(http, staff))['id']}"
    for method, path in (
        ("POST", "/v1/products"),
        ("POST", "/v1/products/import"),
        ("PATCH", url),
        ("DELETE", url),
        ("GET", f"{url}/inventory"),
        ("PUT", f"{url}/inventory"),
        ("POST", f"{url}/inventory/adjustments"),
    ):
        kind = "application/x-ndjson" if path.endswith("import") else "application/json"
        for headers, status in (({}, 401), (customer, 403)):
            answer = await http.request(
                method, path, content=b"{}", headers={**headers, "Content-Type": kind}
            )
            assert answer.status_code == status, (method, path, answer.text)


async def test_the_ledger_accounts_for_every_unit(
    http: httpx.AsyncClient, staff: Headers, database: mongo.Database
) -> None:
    made = await add(http, staff, initial_stock=10)
    url = f"/v1/products/{made['id']}/inventory"
    await http.post(f"{url}/adjustments", json={"delta": -3, "reason": "damaged"}, headers=staff)
    once = {**staff, "Idempotency-Key": "delivery-7"}
    lines = [
        await http.post(f"{url}/adjustments", json={"delta": 5, "reason": "received"}, headers=once)
        for _ in range(2)
    ]
    assert lines[0].json() == lines[1].json()
    other = await http.post(
        f"{url}/adjustments", json={"delta": 6, "reason": "received"}, headers=once
    )
    assert other.status_code == 422
    stock = await http.get(url, headers=staff)
    counted = await http.put(
        url,
        json={"on_hand": 11, "low_stock_threshold": 2},
        headers={**staff, "If-Match": stock.headers["etag"]},
    )
    assert counted.json()["available"] == 11
    deltas = [line["delta"] async for line in database["adjustments"].find().sort("_id")]
    assert deltas == [10, -3, 5, -1]


async def test_reserved_units_cannot_be_adjusted_away(
    http: httpx.AsyncClient, staff: Headers, database: mongo.Database
) -> None:
    made = await add(http, staff, initial_stock=10)
    await database["inventory"].update_one({"_id": made["id"]}, {"$set": {"reserved": 8}})
    answer = await http.post(
        f"/v1/products/{made['id']}/inventory/adjustments",
        json={"delta": -3, "reason": "lost"},
        headers=staff,
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "stock_reserved")


async def test_prices_are_compared_within_one_currency(
    http: httpx.AsyncClient, staff: Headers
) -> None:
    for sku, price, other in (
        ("USD", (2000, "USD"), None),
        ("BOTH", (1500, "USD"), (1000, "EUR")),
        ("EUR", (900, "EUR"), None),
        ("JPY", (1800, "JPY"), (1200, "EUR")),
    ):
        await add(
            http,
            staff,
            sku=sku,
            price={"amount": price[0], "currency": price[1]},
            other_prices=[{"amount": other[0], "currency": other[1]}] if other else [],
        )
    assert await skus(http, sort="price", currency="EUR") == ["EUR", "BOTH", "JPY"]
    assert await skus(http, sort="-price", currency="EUR") == ["JPY", "BOTH", "EUR"]
    assert await skus(http, currency="EUR", min_price=1000) == ["JPY", "BOTH"]
    assert await skus(http, currency="JPY", max_price=1800) == ["JPY"]
    assert await skus(http, sort="price") == ["BOTH", "USD"], "the shop's currency"
    assert await skus(http, max_price=1800) == ["BOTH"]
    shown = (await http.get("/v1/products", params={"currency": "EUR"})).json()["items"]
    assert {item["price"]["currency"] for item in shown} == {"EUR"}


async def test_a_changed_price_is_listed_by_its_new_amount(
    http: httpx.AsyncClient, staff: Headers
) -> None:
    one = await add(http, staff, sku="ONE", price={"amount": 100, "currency": "USD"})
    await add(http, staff, sku="TWO", price={"amount": 200, "currency": "USD"})
    changed = await http.patch(
        f"/v1/products/{one['id']}",
        json={"price": {"amount": 300, "currency": "USD"}},
        headers={**staff, "If-Match": '"1"'},
    )
    assert changed.status_code == 200
    assert await skus(http, sort="price", currency="USD") == ["TWO", "ONE"]


@pytest.mark.parametrize("query", [{}, {"q": "fruit"}])
async def test_names_are_sorted_as_people_sort_them(
    http: httpx.AsyncClient, staff: Headers, query: dict[str, str]
) -> None:
    names = ["Zebra", "apple", "Banana", "\u00e4pfel", "cherry", "Apple"]
    for number, name in enumerate(names):
        await add(http, staff, sku=f"N-{number}", name=name, brand="fruit")
    listed = await skus(http, sort="name", **query)
    found = [names[int(sku.removeprefix("N-"))] for sku in listed]
    assert found == ["\u00e4pfel", "apple", "Apple", "Banana", "cherry", "Zebra"]


async def test_staff_find_products_that_are_not_active(
    http: httpx.AsyncClient, staff: Headers, customer: Headers
) -> None:
    hidden = await add(http, staff, sku="HIDDEN", active=False)
    await add(http, staff, sku="SHOWN")
    url = f"/v1/products/{hidden['id']}"
    own = await http.get(url, headers=staff)
    assert (own.status_code, own.json()["active"]) == (200, False)
    assert own.headers["cache-control"] == "private, no-store"
    for headers in ({}, customer, {"Authorization": "Bearer garbage"}):
        assert (await http.get(url, headers=headers)).status_code == 404
    for _ in range(2):  # what staff was answered is not kept for others
        listed = await http.get("/v1/products?active=false", headers=staff)
        assert [item["sku"] for item in listed.json()["items"]] == ["HIDDEN"]
        assert listed.headers["cache-control"] == "private, no-store"
        assert (await http.get("/v1/products?active=false")).status_code == 401
        forbidden = await http.get("/v1/products?active=false", headers=customer)
        assert forbidden.status_code == 403
    assert await skus(http) == ["SHOWN"]


async def test_units_on_hand_have_one_bound(
    http: httpx.AsyncClient, staff: Headers, database: mongo.Database
) -> None:
    product = await add(http, staff, initial_stock=10)
    url = f"/v1/products/{product['id']}/inventory"
    answers = [
        await http.post(
            f"{url}/adjustments", json={"delta": 10**9, "reason": "received"}, headers=staff
        )
        for _ in range(3)
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
        (409, "too_many_units")
    }
    most = {"delta": 10**9 - 10, "reason": "received"}
    assert (await http.post(f"{url}/adjustments", json=most, headers=staff)).status_code == 201
    stock = (await http.get(url, headers=staff)).json()
    assert stock["on_hand"] == 10**9
    counted = await http.put(
        url,
        json={"on_hand": stock["on_hand"], "low_stock_threshold": 5},
        headers={**staff, "If-Match": f'"{stock["version"]}"'},
    )
    assert counted.status_code == 200


async def test_staff_read_what_runs_low_and_the_ledger(
    http: httpx.AsyncClient, staff: Headers, customer: Headers
) -> None:
    low = [await add(http, staff, sku=f"LOW-{n}", initial_stock=n) for n in range(3)]
    await add(http, staff, sku="PLENTY", initial_stock=100)
    gone = await add(http, staff, sku="GONE", initial_stock=0)
    url = f"/v1/products/{gone['id']}"
    await http.delete(url, headers={**staff, "If-Match": '"1"'})
    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await http.get("/v1/products/low-stock", params=query, headers=staff)).json()
        seen += [item["sku"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == ["LOW-2", "LOW-1", "LOW-0"]
    assert (await http.get("/v1/products/low-stock", headers=customer)).status_code == 403
    ledger = f"/v1/products/{low[2]['id']}/inventory/adjustments"
    await http.post(ledger, json={"delta": 7, "reason": "received", "note": "PO 7"}, headers=staff)
    lines = (await http.get(ledger, headers=staff)).json()["items"]
    assert [(line["delta"], line["reason"]) for line in lines] == [(7, "received"), (2, "initial")]
    assert (await http.get(ledger)).status_code == 401
    unknown = "/v1/products/01989f6a-0000-7000-8000-000000000001/inventory/adjustments"
    assert (await http.get(unknown, headers=staff)).status_code == 404
