"""Who may see and do what; other people's orders do not exist."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from shop_shared.testing import Signer, bad_requests
from shop_shared.testing.bad_input import BadRequest, assert_refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

Place = Callable[[], Awaitable[dict[str, Any]]]
Tell = Callable[..., Awaitable[None]]
ADDRESS = {
    "name": "Mallory",
    "line1": "1 Elsewhere",
    "city": "Leeds",
    "postal_code": "LS1",
    "country": "GB",
}
OBJECT_ROUTES = [
    ("GET", ""),
    ("GET", "/history"),
    ("GET", "/events"),
    ("POST", "/cancel"),
    ("PATCH", ""),
]


@pytest.mark.parametrize(("method", "path"), OBJECT_ROUTES)
async def test_a_stranger_finds_nothing(
    client: httpx.AsyncClient, place: Place, signer: Signer, method: str, path: str
) -> None:
    order = await place()
    body = {"shipping_address": ADDRESS} if method == "PATCH" else None
    stranger = {**signer.headers(uuid4()), "If-Match": '"1"'}
    theirs = await client.request(
        method, f"/v1/orders/{order['id']}{path}", json=body, headers=stranger
    )
    nobodys = await client.request(
        method, f"/v1/orders/{uuid4()}{path}", json=body, headers=stranger
    )
    assert theirs.status_code == nobodys.status_code == 404
    same = {"type", "title", "detail", "code"}
    assert {k: theirs.json()[k] for k in same} == {k: nobodys.json()[k] for k in same}


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", ""), ("GET", ""), *((m, f"/{UUID(int=1)}{p}") for m, p in OBJECT_ROUTES)],
)
async def test_without_a_token_nothing_is_said(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await client.request(method, f"/v1/orders{path}")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_staff_read_everybodys_and_cancel_in_their_name(
    client: httpx.AsyncClient, place: Place, staff: dict[str, str], customer: UUID
) -> None:
    order = await place()
    assert (await client.get(f"/v1/orders/{order['id']}", headers=staff)).status_code == 200
    listed = await client.get("/v1/orders", params={"customer_id": str(customer)}, headers=staff)
    assert [item["id"] for item in listed.json()["items"]] == [order["id"]]
    cancelled = await client.post(f"/v1/orders/{order['id']}/cancel", headers=staff)
    assert cancelled.json()["cancel_reason"] == "staff"


async def test_a_list_is_ones_own_newest_first_page_by_page(
    client: httpx.AsyncClient, place: Place, headers: dict[str, str], signer: Signer
) -> None:
    placed = [(await place())["id"] for _ in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/orders", params=params, headers=headers)).json()
        seen += [item["id"] for item in page["items"]]
        assert len(page["items"]) <= 2
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == placed[::-1]
    params = {"customer_id": str(uuid4())}
    own = await client.get("/v1/orders", params=params, headers=headers)
    assert len(own.json()["items"]) == 5
    others = await client.get("/v1/orders", headers=signer.headers(uuid4()))
    assert others.json()["items"] == []


async def test_a_list_by_status(
    client: httpx.AsyncClient, place: Place, headers: dict[str, str]
) -> None:
    first, second = await place(), await place()
    await client.post(f"/v1/orders/{first['id']}/cancel", headers=headers)
    pending = await client.get("/v1/orders", params={"status": "pending"}, headers=headers)
    assert [item["id"] for item in pending.json()["items"]] == [second["id"]]


@pytest.mark.parametrize(
    "params",
    [{"cursor": "x"}, {"cursor": "WyJhIl0"}, {"limit": 0}, {"limit": 101}, {"status": "x"}],
)
async def test_a_list_of_nonsense_is_refused(
    client: httpx.AsyncClient, headers: dict[str, str], params: dict[str, Any]
) -> None:
    assert (await client.get("/v1/orders", params=params, headers=headers)).status_code == 422


async def test_an_edit_is_based_on_what_was_seen(
    client: httpx.AsyncClient,
    place: Place,
    headers: dict[str, str],
    tell: Callable[..., Awaitable[None]],
) -> None:
    url = f"/v1/orders/{(await place())['id']}"
    change = {"shipping_address": ADDRESS}
    blind = await client.patch(url, json=change, headers=headers)
    assert blind.status_code == 428
    first = await client.patch(url, json=change, headers={**headers, "If-Match": '"1"'})
    assert first.status_code == 200
    assert first.headers["etag"] == '"2"'
    assert first.json()["shipping_address"]["city"] == "Leeds"
    stale = await client.patch(url, json=change, headers={**headers, "If-Match": '"1"'})
    assert stale.status_code == 412
    await tell(first.json()["id"], "inventory.reserved")
    await tell(first.json()["id"], "payment.captured")
    paid = await client.patch(url, json=change, headers={**headers, "If-Match": '"4"'})
    assert paid.status_code == 409
    assert paid.json()["code"] == "address_locked"


async def test_what_is_known_is_not_sent_again(
    client: httpx.AsyncClient, place: Place, headers: dict[str, str]
) -> None:
    url = f"/v1/orders/{(await place())['id']}"
    first = await client.get(url, headers=headers)
    again = await client.get(url, headers={**headers, "If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


VALID = {
    "items": [{"product_id": str(UUID(int=1)), "quantity": 1}],
    "shipping_address": {**ADDRESS, "line2": "x", "region": "y", "phone": "+441234567"},
    "payment": {"provider": "stripe", "method": "card", "currency": "USD", "token": "t"},
}


@pytest.mark.parametrize("bad", bad_requests(VALID), ids=str)
async def test_bad_bodies_of_a_new_order(
    client: httpx.AsyncClient, headers: dict[str, str], bad: BadRequest
) -> None:
    headers = {**headers, "Idempotency-Key": "bad"}
    await assert_refused(client, "POST", "/v1/orders", bad, headers=headers)


@pytest.mark.parametrize("bad", bad_requests({"shipping_address": ADDRESS}), ids=str)
async def test_bad_bodies_of_a_change(
    client: httpx.AsyncClient, headers: dict[str, str], place: Place, bad: BadRequest
) -> None:
    url = f"/v1/orders/{(await place())['id']}"
    await assert_refused(client, "PATCH", url, bad, headers={**headers, "If-Match": '"1"'})
