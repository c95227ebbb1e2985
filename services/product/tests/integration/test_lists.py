"""Lists of products: searched, filtered, sorted, by price and by name."""

import httpx
import pytest

from shop_shared.stores import mongo

from .conftest import Headers, add, skus


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


async def test_the_longest_names_are_paged_through(http: httpx.AsyncClient, staff: Headers) -> None:
    for sku in "ABC":
        await add(http, staff, sku=sku, name="\U0001f600" * 199 + sku)
    seen: list[str] = []
    asked = {"sort": "name", "limit": "1"}
    while len(seen) < 3:
        page = (await http.get("/v1/products", params=asked)).json()
        seen += [each["sku"] for each in page["items"]]
        asked["cursor"] = page["next_cursor"]
    assert seen == ["A", "B", "C"]


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
