"""Stock as staff see and change it, on a real MongoDB."""

import json

import httpx

from shop_shared.stores import mongo

from .conftest import Headers, add


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


async def test_stock_that_runs_low_by_hand_is_told_once(
    http: httpx.AsyncClient, staff: Headers, database: mongo.Database
) -> None:
    made = await add(http, staff, initial_stock=10, low_stock_threshold=5)
    url = f"/v1/products/{made['id']}/inventory"

    async def adjust(delta: int) -> list[tuple[int, int]]:
        body = {"delta": delta, "reason": "damaged" if delta < 0 else "received"}
        await http.post(f"{url}/adjustments", json=body, headers=staff)
        return await told()

    async def told() -> list[tuple[int, int]]:
        rows = database["outbox"].find({"type": "minishop.inventory.low_stock.v1"}).sort("_id")
        payloads = [json.loads(row["payload"]) async for row in rows]
        return [(payload["available"], payload["threshold"]) for payload in payloads]

    assert await adjust(-4) == []
    assert await adjust(-2) == [(4, 5)]
    assert await adjust(-1) == [(4, 5)], "it was low already"
    assert await adjust(+7) == [(4, 5)]
    stock = await http.get(url, headers=staff)
    counted = {"on_hand": 2, "low_stock_threshold": 3}
    await http.put(url, json=counted, headers={**staff, "If-Match": stock.headers["etag"]})
    assert await told() == [(4, 5), (2, 3)]


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
