"""Shipments over HTTP: who may see and do what, and how carriers report."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest

from shop_shared.clock import now
from shop_shared.testing import Signer, bad_requests
from shop_shared.testing.bad_input import BadRequest, assert_refused
from shop_shipping.signatures import sign

pytestmark = pytest.mark.asyncio(loop_scope="module")
Story = Any  # the conftest's
ADDRESS = {
    "name": "Ada",
    "line1": "1 Side Street",
    "city": "Leeds",
    "postal_code": "LS1",
    "country": "GB",
}


@pytest.mark.parametrize(
    ("route", "status"), [("GET ", 404), ("PATCH ", 403), ("POST /events", 403)]
)
async def test_a_stranger_finds_nothing(
    client: httpx.AsyncClient, story: Story, signer: Signer, route: str, status: int
) -> None:
    method, path = route.split(" ")
    await story.tell("confirmed", line2="carrier:hold")
    id_ = (await story.shipment())["id"]
    body = {"address": ADDRESS} if method == "PATCH" else SCAN
    stranger = signer.headers(uuid4())
    for shipment_id in (id_, str(uuid4())):
        answer = await client.request(
            method,
            f"/v1/shipments/{shipment_id}{path}",
            json=None if method == "GET" else body,
            headers=stranger,
        )
        assert answer.status_code == status
    listed = await client.get("/v1/shipments", headers=stranger)
    assert listed.json()["items"] == []
    unknown = await client.request(method, f"/v1/shipments/{id_}{path}", json=body)
    assert unknown.status_code == 401


async def test_a_list_page_by_page(
    client: httpx.AsyncClient, story: Story, new_story: Callable[[], Story], staff: dict[str, str]
) -> None:
    ids = []
    for _ in range(3):
        other = new_story()
        other.customer_id, other.headers = story.customer_id, story.headers
        await other.tell("confirmed", line2="carrier:hold")
        ids.append((await other.shipment())["id"])
    first = (await client.get("/v1/shipments", params={"limit": 2}, headers=story.headers)).json()
    params = {"limit": 2, "cursor": first["next_cursor"]}
    second = (await client.get("/v1/shipments", params=params, headers=story.headers)).json()
    assert [item["id"] for item in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None
    theirs = {"customer_id": str(story.customer_id), "status": "created"}
    listed = await client.get("/v1/shipments", params=theirs, headers=staff)
    assert len(listed.json()["items"]) == 3


async def test_what_is_known_is_not_sent_again(client: httpx.AsyncClient, story: Story) -> None:
    await story.tell("confirmed", line2="carrier:hold")
    url = f"/v1/shipments/{(await story.shipment())['id']}"
    tag = (await client.get(url, headers=story.headers)).headers["etag"]
    again = await client.get(url, headers={**story.headers, "If-None-Match": tag})
    assert again.status_code == 304


async def test_an_admin_sends_a_parcel_by_hand(
    client: httpx.AsyncClient, story: Story, admin: dict[str, str]
) -> None:
    wanted = {
        "order_id": str(story.order_id),
        "customer_id": str(story.customer_id),
        "address": ADDRESS,
    }
    customer = await client.post("/v1/shipments", json=wanted, headers=story.headers)
    assert customer.status_code == 403
    created = await client.post("/v1/shipments", json=wanted, headers=admin)
    assert created.status_code == 201
    assert created.headers["location"] == f"/v1/shipments/{created.json()['id']}"
    again = await client.post("/v1/shipments", json=wanted, headers=admin)
    assert (again.status_code, again.json()["code"]) == (409, "shipment_exists")
    await story.work()
    assert (await story.types())[-1] == "delivered"


async def test_an_admin_sends_a_parcel_elsewhere_until_it_has_left(
    client: httpx.AsyncClient, story: Story, admin: dict[str, str]
) -> None:
    await story.tell("confirmed", line2="carrier:hold")
    await story.work()
    shipment = await story.shipment()
    url, change = f"/v1/shipments/{shipment['id']}", {"address": ADDRESS}
    assert (await client.patch(url, json=change, headers=admin)).status_code == 428
    stale = await client.patch(url, json=change, headers={**admin, "If-Match": '"99"'})
    assert stale.status_code == 412
    match = {"If-Match": f'"{shipment["version"]}"'}
    changed = await client.patch(url, json=change, headers={**admin, **match})
    assert changed.status_code == 200
    await story.work()
    delivered = await story.shipment()
    assert (delivered["status"], delivered["location"]) == ("delivered", "Leeds")
    match = {"If-Match": f'"{delivered["version"]}"'}
    late = await client.patch(url, json=change, headers={**admin, **match})
    assert (late.status_code, late.json()["code"]) == (409, "address_locked")


SCAN = {"status": "dispatched", "at": "2026-01-01T12:00:00Z", "location": "Leeds"}


def signed(shipment_id: str, body: bytes, *, secret: str = "carrier-secret") -> dict[str, str]:
    return {
        "Carrier-Signature": sign(secret, UUID(shipment_id), body, now()),
        "Content-Type": "application/json",
    }


async def test_a_carrier_signs_what_it_reports(client: httpx.AsyncClient, story: Story) -> None:
    await story.tell("confirmed", line2="carrier:hold")
    id_ = (await story.shipment())["id"]
    url, body = f"/v1/shipments/{id_}/events", orjson.dumps(SCAN)
    for _ in range(3):
        answer = await client.post(url, content=body, headers=signed(id_, body))
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "dispatched"
    assert await story.types() == ["created", "dispatched"]
    forged = signed(id_, body, secret="guess")
    assert (await client.post(url, content=body, headers=forged)).status_code == 401


async def test_a_signed_scan_is_of_its_parcel_only(
    client: httpx.AsyncClient, story: Story, new_story: Callable[[], Story]
) -> None:
    other = new_story()
    for each in (story, other):
        await each.tell("confirmed", line2="carrier:hold")
    body = orjson.dumps(SCAN)
    mine, theirs = (await story.shipment())["id"], (await other.shipment())["id"]
    url = f"/v1/shipments/{theirs}/events"
    answer = await client.post(url, content=body, headers=signed(mine, body))
    assert answer.status_code == 401
    assert await other.types() == ["created"]
    # However its id is spelled in the URL, a parcel's own signature proves it.
    spelled = f"/v1/shipments/{theirs.upper()}/events"
    answer = await client.post(spelled, content=body, headers=signed(theirs, body))
    assert answer.status_code == 200


async def test_staff_report_for_a_carrier(
    client: httpx.AsyncClient, story: Story, staff: dict[str, str]
) -> None:
    await story.tell("confirmed", line2="carrier:hold")
    url = f"/v1/shipments/{(await story.shipment())['id']}/events"
    failed = {"status": "failed", "at": "2026-01-01T12:00:00Z", "reason": "lost"}
    assert (await client.post(url, json=failed, headers=staff)).json()["reason"] == "lost"
    delivered = {"status": "delivered", "at": "2026-01-01T13:00:00Z"}
    assert (await client.post(url, json=delivered, headers=staff)).json()["status"] == "failed"
    assert await story.types() == ["created", "failed"]


@pytest.mark.parametrize(
    "scan",
    [
        {"status": "failed", "at": "2026-01-01T12:00:00Z"},
        {"status": "delivered", "at": "2026-01-01T12:00:00Z", "reason": "lost"},
        {"status": "failed", "at": "2026-01-01T12:00:00Z", "reason": "cancelled"},
        {"status": "created", "at": "2026-01-01T12:00:00Z"},
        {"status": "delivered", "at": "2026-01-01T12:00:00"},
        {"status": "delivered", "at": "yesterday"},
        {"status": "delivered", "at": "1767268800"},
        {"status": "delivered", "at": 1767268800},
        {"status": "in_transit", "at": "9999-12-31T23:59:59-14:00"},
        {"status": "in_transit", "at": "9999-12-31T23:59:59Z"},
        {"status": "in_transit", "at": "0001-01-01T00:00:00+14:00"},
        {"status": "in_transit", "at": (now() + timedelta(days=2)).isoformat()},
    ],
)
async def test_a_scan_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, story: Story, staff: dict[str, str], scan: dict[str, Any]
) -> None:
    await story.tell("confirmed", line2="carrier:hold")
    url = f"/v1/shipments/{(await story.shipment())['id']}/events"
    assert (await client.post(url, json=scan, headers=staff)).status_code == 422


CREATE = {"order_id": str(uuid4()), "customer_id": str(uuid4()), "address": ADDRESS}


@pytest.mark.parametrize("bad", bad_requests(CREATE), ids=str)
async def test_bad_bodies(
    client: httpx.AsyncClient, admin: dict[str, str], bad: BadRequest
) -> None:
    await assert_refused(client, "POST", "/v1/shipments", bad, headers=admin)
