"""Two of each service at once, under concurrent orders of every kind, on real stores.

Both processes of a service share its database and its consumer group, as the pods of a Deployment
do. What is asserted is what the oracle asserts of any shop, and that both had work.
"""

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
from shop_event_path import topics
from shop_event_path.orders import a_mug, an_order
from shop_event_path.shop import Shop, shop
from shop_servers.server_set import ServerSet

import oracle
from shop_shared.testing.signer import Signer
from store_access import Stores

TWICE = ("order", "product", "payment", "shipping")
VISA, DECLINED = "pm_card_visa", "pm_card_chargeDeclined"
ENDED = {"delivered", "rejected", "cancelled", "expired", "refunded"}
EACH = 8
"""Orders of each kind, all at once."""
WITHIN = 300
"""Seconds that no test needs on a machine of its own."""


class Crowd:
    """Customers and staff who ask any of a service's processes in turn."""

    def __init__(self, running: Shop, signer: Signer, client: httpx.AsyncClient) -> None:
        self._turns: dict[str, Iterator[str]] = {
            name: itertools.cycle(urls) for name, urls in running.replicas.items()
        }
        self._headers = signer.headers(uuid4(), ("customer", "staff", "admin"))
        self._client = client

    async def ask(self, method: str, service: str, path: str, body: object = None) -> Any:
        """Ask as a client is told to: what is too much just now, again a little later."""
        headers = {**self._headers, "Idempotency-Key": str(uuid4())}
        while True:
            url = f"{next(self._turns[service])}{path}"
            answer = await self._client.request(method, url, json=body, headers=headers)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            await asyncio.sleep(float(answer.headers["Retry-After"]))
        assert answer.is_success, answer.text
        return answer.json()

    async def stocked(self, units: int) -> str:
        product = await self.ask("POST", "product", "/v1/products", a_mug(units=units))
        return str(product["id"])

    async def order(self, product: str, token: str, quantity: int = 2) -> str:
        body = an_order(product, token=token, quantity=quantity)
        return str((await self.ask("POST", "order", "/v1/orders", body))["id"])

    async def until(self, order_id: str, *statuses: str, failed: bool = False) -> str:
        """Wait for one of the statuses, or for a payment to have failed; return the status."""
        while True:
            order = await self.ask("GET", "order", f"/v1/orders/{order_id}")
            if order["status"] in statuses or (failed and order["payment_failure"]):
                return str(order["status"])
            await asyncio.sleep(0.3)

    async def buys(self, product: str) -> str:
        return await self.until(await self.order(product, VISA), *ENDED)

    async def wants_too_many(self, product: str) -> str:
        return await self.until(await self.order(product, VISA, quantity=1000), *ENDED)

    async def pays_another_way(self, product: str) -> str:
        order = await self.order(product, DECLINED)
        await self.until(order, *ENDED, failed=True)
        path = f"/v1/orders/{order}/payments"
        way = {"provider": "stripe", "method": "card", "token": VISA}
        # At both processes at once: one of them is too late.
        tries = [self.ask("POST", "order", path, way) for _ in range(2)]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(not isinstance(answer, BaseException) for answer in answers) == 1, answers
        return await self.until(order, *ENDED)

    async def gives_up(self, product: str) -> str:
        order = await self.order(product, DECLINED)
        await self.until(order, *ENDED, failed=True)
        await self.ask("POST", "order", f"/v1/orders/{order}/cancel")
        return await self.until(order, *ENDED)

    async def returns(self, product: str) -> str:
        order = await self.order(product, VISA)
        await self.until(order, *ENDED)
        path = f"/v1/orders/{order}/returns"
        wanted = {"items": [{"product_id": product, "quantity": 1}], "reason": "other"}
        made = (await self.ask("POST", "order", path, wanted))["id"]
        await self.ask("POST", "order", f"/v1/returns/{made}/approve")
        receive = f"/v1/returns/{made}/receive"
        await asyncio.gather(
            *(self.ask("POST", "order", receive, {"restock": True}) for _ in range(3))
        )
        while (await self.ask("GET", "order", f"/v1/returns/{made}"))["status"] != "refunded":
            await asyncio.sleep(0.3)
        return "refunded"


async def handled(client: httpx.AsyncClient, url: str) -> float:
    """Return how many events a process has handled, by its metrics."""
    lines = (await client.get(f"{url}/metrics")).text.splitlines()
    return sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith("events_consumed_total{")
    )


async def test_the_invariants_hold_with_two_of_each_service(breakable: ServerSet) -> None:
    facts = await asyncio.to_thread(
        breakable.need, "postgres", "mongodb", "redis", "rabbitmq", "connect"
    )
    signer = Signer()
    async with (
        shop(facts, signer=signer, environment={}, twice=TWICE) as running,
        httpx.AsyncClient(timeout=60) as client,
    ):
        bootstrap = facts["connect"]["bootstrap_servers"]
        await topics.joined(bootstrap, dict.fromkeys(TWICE, 2))
        crowd = Crowd(running, signer, client)
        product = await crowd.stocked(500)
        kinds = (
            crowd.buys,
            crowd.wants_too_many,
            crowd.pays_another_way,
            crowd.gives_up,
            crowd.returns,
        )
        async with asyncio.timeout(WITHIN):
            ended = await asyncio.gather(*(kind(product) for kind in kinds for _ in range(EACH)))
        expected = ["delivered", "rejected", "delivered", "cancelled", "refunded"]
        assert ended == [status for status in expected for _ in range(EACH)]
        stores = Stores(
            facts["postgres"]["url"].rpartition("/")[0],
            facts["mongodb"]["url"],
            # No user service runs here; notification's database has nothing of its kind either.
            databases={**running.databases, "user": running.databases["notification"]},
        )
        _, found = await oracle.settled(stores, WITHIN)
        await stores.close()
        assert found == []
        for name in TWICE:
            work = [await handled(client, url) for url in running.replicas[name]]
            assert all(work), (name, work)
