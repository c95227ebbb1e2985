"""Address books over HTTP, on a real PostgreSQL."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shop_shared.addresses import Address as OrderAddress
from shop_shared.testing import Signer, assert_refused, bad_requests

from .conftest import ADDRESS

URL = "/v1/users/me/addresses"


async def test_a_book_has_one_default(http: httpx.AsyncClient, ada: Any) -> None:
    answers = await asyncio.gather(
        *(http.post(URL, json={**ADDRESS, "label": str(n)}, headers=ada.headers) for n in range(6))
    )
    assert {answer.status_code for answer in answers} == {201}
    book = (await http.get(URL, headers=ada.headers)).json()["items"]
    assert [item["is_default"] for item in book] == [True] + [False] * 5
    last = book[-1]
    url = f"{URL}/{last['id']}"
    seen = {**ada.headers, "If-Match": (await http.get(url, headers=ada.headers)).headers["etag"]}
    changed = await http.put(url, json={**ADDRESS, "city": "Leeds"}, headers=seen)
    assert (changed.json()["city"], changed.json()["is_default"]) == ("Leeds", True)
    stale = await http.put(url, json=ADDRESS, headers=seen)
    assert stale.status_code == 412
    assert (await http.get(URL, headers=ada.headers)).json()["items"][0]["id"] == last["id"]
    assert (await http.delete(url, headers=ada.headers)).status_code == 204
    assert (await http.delete(url, headers=ada.headers)).status_code == 404


async def test_no_edit_of_the_former_default_undoes_the_new_one_unseen(
    http: httpx.AsyncClient, ada: Any
) -> None:
    made = await http.post(URL, json=ADDRESS, headers=ada.headers)
    url, seen = f"{URL}/{made.json()['id']}", made.headers["etag"]
    another = (await http.post(URL, json=ADDRESS, headers=ada.headers)).json()
    assert (await http.get(url, headers=ada.headers)).headers["etag"] != seen
    stale = await http.put(url, json=ADDRESS, headers={**ada.headers, "If-Match": seen})
    assert stale.status_code == 412
    first, *_ = (await http.get(URL, headers=ada.headers)).json()["items"]
    assert (first["id"], first["is_default"]) == (another["id"], True)


async def test_other_peoples_addresses_are_not_there(
    http: httpx.AsyncClient, ada: Any, registration: dict[str, Any], signer: Signer
) -> None:
    made = (await http.post(URL, json=ADDRESS, headers=ada.headers)).json()
    url = f"{URL}/{made['id']}"
    # Another customer, who has an account.
    await http.post("/v1/users", json={**registration, "email": f"{uuid4().hex}@example.com"})
    staff = signer.headers(uuid4(), roles=["staff"])
    listed = (await http.get("/v1/users", params={"limit": 1}, headers=staff)).json()["items"]
    other = signer.headers(listed[0]["id"])
    assert listed[0]["id"] != str(ada.id)
    assert (await http.get(url, headers=other)).status_code == 404
    assert (await http.put(url, json=ADDRESS, headers=other)).status_code == 404
    assert (await http.delete(url, headers=other)).status_code == 404
    assert (await http.get(url, headers=ada.headers)).status_code == 200


async def test_a_book_is_never_endless(http: httpx.AsyncClient, ada: Any) -> None:
    address = {**ADDRESS, "is_default": False}
    statuses = [
        (await http.post(URL, json=address, headers=ada.headers)).status_code for _ in range(51)
    ]
    assert statuses == [201] * 50 + [409]


async def test_a_postal_code_is_asked_for_where_there_are_some(
    http: httpx.AsyncClient, ada: Any
) -> None:
    without = {name: value for name, value in ADDRESS.items() if name != "postal_code"}
    for country, status in (("HK", 201), ("AE", 201), ("GB", 422), ("ZZ", 422), ("UK", 422)):
        body = {**without, "country": country}
        assert (await http.post(URL, json=body, headers=ada.headers)).status_code == status


async def test_a_stored_address_is_an_orders_address_and_back(
    http: httpx.AsyncClient, ada: Any
) -> None:
    body = {**ADDRESS, "country": "HK", "postal_code": None, "line2": None, "region": None}
    made = await http.post(URL, json=body, headers=ada.headers)
    assert made.status_code == 201, made.text
    stored = {name: made.json()[name] for name in OrderAddress.model_fields}
    assert (stored["postal_code"], stored["line2"]) == ("", "")
    address = OrderAddress.model_validate(stored)
    assert (address.postal_code, address.line2) == (None, None)
    again = {**ADDRESS, **address.model_dump()}
    assert (await http.post(URL, json=again, headers=ada.headers)).status_code == 201


@pytest.mark.parametrize("field", ["label", "name", "line1", "line2", "city", "region"])
@pytest.mark.parametrize("text", ["Ada\nBcc: x", "\x1b[31mAda", "a\u2028b", "a\u202eb"])
async def test_a_line_is_one_line(http: httpx.AsyncClient, ada: Any, field: str, text: str) -> None:
    answer = await http.post(URL, json={**ADDRESS, field: text}, headers=ada.headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{field}"


async def test_bad_input(http: httpx.AsyncClient, ada: Any) -> None:
    for bad in bad_requests(ADDRESS):
        await assert_refused(http, "POST", URL, bad, headers=ada.headers)
