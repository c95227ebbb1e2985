"""Several pictures of a product over HTTP, on a real MongoDB; the API that knows one goes on."""

import json
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from shop_product.images.encoder import MAX_BYTES
from shop_product.models import EXAMPLE
from shop_product.service.images import MAX_IMAGES
from shop_shared.stores import mongo
from shop_shared.testing import assert_refused, bad_requests

Headers = dict[str, str]
Json = dict[str, Any]
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1v1z"/></svg>'
FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}


def raster(media_type: str, colour: Any = "red") -> bytes:
    encoded = BytesIO()
    Image.new("RGB", (20, 10), colour).save(encoded, FORMATS[media_type])
    return encoded.getvalue()


async def product(http: httpx.AsyncClient, staff: Headers, **fields: Any) -> str:
    answer = await http.post("/v1/products", json={**EXAMPLE, **fields}, headers=staff)
    assert answer.status_code == 201, answer.text
    return f"/v1/products/{answer.json()['id']}"


async def upload(
    http: httpx.AsyncClient,
    staff: Headers,
    url: str,
    media_type: str = "image/png",
    content: bytes | None = None,
    **query: str,
) -> httpx.Response:
    headers = {**staff, "Content-Type": media_type}
    body = raster(media_type) if content is None else content
    return await http.post(f"{url}/images", content=body, headers=headers, params=query)


async def tag(http: httpx.AsyncClient, url: str) -> str:
    return (await http.get(url)).headers["etag"]


@pytest.mark.parametrize("media_type", [*FORMATS, "image/svg+xml"])
async def test_a_picture_is_kept_and_may_be_cached_for_ever(
    media_type: str, http: httpx.AsyncClient, staff: Headers
) -> None:
    url = await product(http, staff)
    content = SVG.encode() if media_type == "image/svg+xml" else raster(media_type)
    answer = await upload(http, staff, url, media_type, content, alt="A blue mug")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["media_type"], made["main"], made["alt"]) == (media_type, True, "A blue mug")
    size = (None, None) if media_type == "image/svg+xml" else (20, 10)
    assert (made["width"], made["height"]) == size
    assert answer.headers["location"] == made["url"]
    shown = await http.get(made["url"])
    assert shown.headers["content-type"].startswith(media_type)
    assert len(shown.content) == made["size"]
    assert shown.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "sandbox" in shown.headers["content-security-policy"]
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.headers["etag"] == f'"{made["id"]}"'
    for known in (shown.headers["etag"], f"W/{shown.headers['etag']}", "*"):
        again = await http.get(made["url"], headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
    read = (await http.get(url)).json()
    assert read["images"] == [made]
    # The API of one picture shows the main one.
    one = await http.get(read["image_url"])
    assert (one.content, one.headers["content-type"]) == (
        shown.content,
        shown.headers["content-type"],
    )
    [in_list] = (await http.get("/v1/products")).json()["items"]
    assert in_list["image_url"] == read["image_url"]


async def test_pictures_have_an_order_and_the_first_is_the_main_one(
    http: httpx.AsyncClient, staff: Headers
) -> None:
    url = await product(http, staff)
    ids = []
    for colour in ("red", "green", "blue"):
        answer = await upload(http, staff, url, content=raster("image/png", colour))
        ids.append(answer.json()["id"])
    order = [ids[2], ids[0], ids[1]]
    stale, current = {"If-Match": '"1"'}, {"If-Match": await tag(http, url)}
    body = {"ids": order}
    put = f"{url}/images"
    assert (await http.put(put, json=body, headers=staff)).status_code == 428
    assert (await http.put(put, json=body, headers=staff | stale)).status_code == 412
    for wrong in (order[:2], [*order, order[0]], [*order[:2], "0" * 16], []):
        answer = await http.put(put, json={"ids": wrong}, headers=staff | current)
        assert answer.status_code == 422
    answer = await http.put(put, json=body, headers=staff | current)
    assert answer.status_code == 200, answer.text
    assert [image["id"] for image in answer.json()["items"]] == order
    assert [image["main"] for image in answer.json()["items"]] == [True, False, False]
    listed = (await http.get(put)).json()["items"]
    assert listed == answer.json()["items"] == (await http.get(url)).json()["images"]
    assert order[0] in (await http.get(url)).json()["image_url"]


async def test_a_picture_is_described_and_taken_away(
    http: httpx.AsyncClient, staff: Headers, database: mongo.Database
) -> None:
    url = await product(http, staff)
    first = (await upload(http, staff, url)).json()
    second = (await upload(http, staff, url, "image/jpeg")).json()
    match = {"If-Match": await tag(http, url)}
    answer = await http.patch(first["url"], json={"alt": " From above "}, headers=staff | match)
    assert answer.json()["items"][0]["alt"] == "From above"
    assert (await http.delete(first["url"], headers=staff)).status_code == 428
    match = {"If-Match": await tag(http, url)}
    assert (await http.delete(first["url"], headers=staff | match)).status_code == 204
    assert (await http.get(first["url"])).status_code == 404
    assert [image["id"] for image in (await http.get(url)).json()["images"]] == [second["id"]]
    assert await database["images"].count_documents({}) == 1
    match = {"If-Match": await tag(http, url)}
    assert (await http.delete(first["url"], headers=staff | match)).status_code == 404
    assert (await http.delete(second["url"], headers=staff | match)).status_code == 204
    assert (await http.get(url)).json()["image_url"] is None
    assert (await http.get(f"{url}/image")).status_code == 404


async def test_each_change_of_the_pictures_is_told_as_one_of_the_product(
    http: httpx.AsyncClient, staff: Headers, database: mongo.Database
) -> None:
    """By it the gateway's replicas forget what they have kept, also a picture that is gone."""
    url = await product(http, staff)
    first = (await upload(http, staff, url)).json()
    second = (await upload(http, staff, url, "image/jpeg")).json()
    await upload(http, staff, url)
    match = {"If-Match": await tag(http, url)}
    await http.patch(first["url"], json={"alt": "From above"}, headers=staff | match)
    match = {"If-Match": await tag(http, url)}
    order = {"ids": [second["id"], first["id"]]}
    await http.put(f"{url}/images", json=order, headers=staff | match)
    match = {"If-Match": await tag(http, url)}
    assert (await http.delete(first["url"], headers=staff | match)).status_code == 204
    told = database["outbox"].find({"type": "minishop.product.updated.v1"}).sort("_id")
    versions = [json.loads(row["payload"])["version"] async for row in told]
    assert versions == [2, 3, 4, 5, 6], "the same picture again is no change"
    assert await tag(http, url) == '"6"'


async def test_the_same_picture_again_is_the_one_that_is_there(
    http: httpx.AsyncClient, staff: Headers
) -> None:
    url = await product(http, staff)
    first = await upload(http, staff, url)
    again = await upload(http, staff, url, alt="other")
    assert (again.status_code, again.json()) == (200, first.json())


async def test_a_product_has_a_bounded_number_of_pictures(
    http: httpx.AsyncClient, staff: Headers
) -> None:
    url = await product(http, staff)
    statuses = [
        (await upload(http, staff, url, content=raster("image/png", (n, 0, 0)))).status_code
        for n in range(MAX_IMAGES + 1)
    ]
    assert statuses == [201] * MAX_IMAGES + [409]


async def test_what_is_no_picture_is_refused(http: httpx.AsyncClient, staff: Headers) -> None:
    url = await product(http, staff)

    async def status(media_type: str, content: bytes, **query: str) -> int:
        return (await upload(http, staff, url, media_type, content, **query)).status_code

    assert await status("image/png", raster("image/jpeg")) == 422
    assert await status("image/png", b"") == 422
    assert await status("image/gif", b"GIF89a") == 415
    assert await status("application/json", b"{}") == 415
    assert await status("multipart/form-data; boundary=x", b"--x--") == 415
    assert await status("image/png", b"x" * (MAX_BYTES + 1)) == 413
    script = SVG.replace("<path", "<script/><path").encode()
    assert await status("image/svg+xml", script) == 422
    assert await status("image/svg+xml", SVG.encode("utf-16")) == 422
    assert await status("image/svg+xml", SVG.encode() + b" " * 70_000) == 422
    assert await status("image/png", raster("image/png"), alt="a\nb") == 422
    assert await status("image/png", raster("image/png"), alt="a" * 301) == 422
    assert (await http.get(url)).json()["images"] == []
    compressed = {**staff, "Content-Type": "image/png", "Content-Encoding": "gzip"}
    answer = await http.post(f"{url}/images", content=raster("image/png"), headers=compressed)
    assert answer.status_code == 415


async def test_who_may_not_change_products_changes_no_pictures(
    http: httpx.AsyncClient, staff: Headers, customer: Headers
) -> None:
    url = await product(http, staff)
    made = (await upload(http, staff, url)).json()
    for headers, status in (({}, 401), (customer, 403)):
        match = headers | {"If-Match": "*"}
        assert (await upload(http, headers, url)).status_code == status
        put = await http.put(f"{url}/images", json={"ids": [made["id"]]}, headers=match)
        patch = await http.patch(made["url"], json={"alt": "x"}, headers=match)
        gone = await http.delete(made["url"], headers=match)
        assert {put.status_code, patch.status_code, gone.status_code} == {status}


async def test_what_is_not_on_sale_shows_nothing_to_who_cannot_know(
    http: httpx.AsyncClient, staff: Headers
) -> None:
    url = await product(http, staff, active=False)
    made = (await upload(http, staff, url)).json()
    assert (await http.get(f"{url}/image")).status_code == 404
    assert (await http.get(f"{url}/images")).status_code == 404
    mine = await http.get(f"{url}/images", headers=staff)
    assert mine.json()["items"] == [made]
    assert mine.headers["cache-control"] == "private, no-store"
    # Its address is of its content: who has it has seen it.
    assert (await http.get(made["url"])).status_code == 200
    match = {"If-Match": '"2"'}
    assert (await http.delete(url, headers=staff | match)).status_code == 204
    assert (await http.get(made["url"])).status_code == 404


async def test_the_api_of_one_picture_sets_the_main_one(
    http: httpx.AsyncClient, staff: Headers, database: mongo.Database
) -> None:
    url = await product(http, staff, image_svg=SVG)
    [svg] = (await http.get(url)).json()["images"]
    png = (await upload(http, staff, url)).json()
    other = SVG.replace("M0 0", "M1 1")

    async def patch(image_svg: str | None) -> Json:
        match = {"If-Match": await tag(http, url)}
        body = {"image_svg": image_svg}
        answer = await http.patch(url, json=body, headers=staff | match)
        assert answer.status_code == 200, answer.text
        changed: Json = answer.json()
        return changed

    changed = await patch(other)
    assert [image["main"] for image in changed["images"]] == [True, False]
    assert changed["images"][1]["id"] == png["id"]
    assert (await http.get(changed["image_url"])).text == other
    assert (await http.get(svg["url"])).status_code == 404
    unchanged = await patch(other)
    assert unchanged["version"] == changed["version"]
    changed = await patch(None)
    assert [image["id"] for image in changed["images"]] == [png["id"]]
    assert (await http.get(changed["image_url"])).headers["content-type"] == "image/png"
    assert (await patch(None))["images"] == []
    assert await database["images"].count_documents({}) == 0


async def test_pictures_of_earlier_versions_are_still_shown(
    http: httpx.AsyncClient, staff: Headers, database: mongo.Database
) -> None:
    url = await product(http, staff)
    product_id = url.rpartition("/")[2]
    await database["images"].insert_one(
        {"_id": product_id, "content": SVG, "digest": "0123456789abcdef"}
    )
    await database["products"].update_one(
        {"_id": product_id}, {"$set": {"image": "0123456789abcdef"}, "$unset": {"images": ""}}
    )
    read = (await http.get(url)).json()
    assert [image["id"] for image in read["images"]] == ["0123456789abcdef"]
    for address in (read["image_url"], read["images"][0]["url"]):
        shown = await http.get(address)
        assert (shown.text, shown.headers["content-type"]) == (SVG, "image/svg+xml")
    await upload(http, staff, url)
    assert [image["main"] for image in (await http.get(url)).json()["images"]] == [True, False]
    match = {"If-Match": await tag(http, url)}
    assert (await http.delete(read["images"][0]["url"], headers=staff | match)).status_code == 204
    assert await database["images"].count_documents({"_id": product_id}) == 0


async def test_bad_input(http: httpx.AsyncClient, staff: Headers) -> None:
    url = await product(http, staff)
    made = (await upload(http, staff, url)).json()
    headers = staff | {"If-Match": "*"}
    for bad in bad_requests({"alt": "A blue mug"}):
        await assert_refused(http, "PATCH", made["url"], bad, headers=headers)
    for bad in bad_requests({"ids": [made["id"]]}):
        await assert_refused(http, "PUT", f"{url}/images", bad, headers=headers)
