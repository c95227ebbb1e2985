"""The catalogue over HTTP, on a real MongoDB."""

import httpx
import orjson

from shop_product.models import EXAMPLE
from shop_shared.stores import mongo
from shop_shared.testing import assert_refused, bad_requests

from .conftest import Headers, add, skus

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1v1z"/></svg>'


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
