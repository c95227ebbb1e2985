"""A customer of the shop, over HTTP as anybody would be one."""

import asyncio
import os
import secrets
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx

SHOP = os.environ.get("SHOP_URL", "http://127.0.0.1:8080")
"""Where the shop is: the gateway's node port on the embedded cluster, unless told."""
PASSWORD = "correct horse battery staple"
SETTLED = frozenset(("delivered", "rejected", "cancelled", "expired", "refunded"))
ADDRESS = {
    "name": "Ada Lovelace",
    "line1": "12 St James's Square",
    "city": "London",
    "postal_code": "SW1Y 4JH",
    "country": "GB",
}


class RefusedError(Exception):
    """The shop answered with a problem. `problem` is its body."""

    def __init__(self, response: httpx.Response) -> None:
        is_json = "json" in response.headers.get("content-type", "")
        self.problem: dict[str, Any] = response.json() if is_json else {}
        self.status = response.status_code
        reasons = [f"{e['pointer']} {e['message']}" for e in self.problem.get("errors", ())]
        said = "; ".join([self.problem.get("detail") or response.text[:200], *reasons])
        super().__init__(
            f"{response.request.method} {response.request.url.path}: {self.status} {said}"
        )


@dataclass(frozen=True)
class Customer:
    """Someone signed in. Every method raises RefusedError on an answer other than 2xx."""

    http: httpx.AsyncClient
    email: str

    async def products(self, **query: str | int) -> AsyncIterator[dict[str, Any]]:
        """Yield the products of the catalogue by its query parameters, asking page by page."""
        query = {"limit": 100, **query}
        while True:
            page = await ask(self.http, "GET", "/v1/products", query=query)
            for product in page["items"]:
                yield product
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    async def order(
        self,
        items: dict[str, int],
        payment: dict[str, str],
        *,
        key: str | None = None,
        trace: str | None = None,
    ) -> dict[str, Any]:
        """Place an order of product ids and quantities, and return it as the shop does.

        Tried again with the same idempotency `key`, it is the same order. `trace` is the id of the
        trace that it is to be part of, 32 hexadecimal digits.
        """
        of_trace = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"} if trace else {}
        return await ask(
            self.http,
            "POST",
            "/v1/orders",
            body={
                "items": [{"product_id": id_, "quantity": n} for id_, n in items.items()],
                "shipping_address": ADDRESS,
                "payment": payment,
            },
            headers={"Idempotency-Key": key or str(uuid.uuid4()), **of_trace},
        )

    async def find_order(self, order_id: str) -> dict[str, Any]:
        """Return an order as it is now."""
        return await ask(self.http, "GET", f"/v1/orders/{order_id}")

    async def settled(self, order_id: str, *, seconds: float) -> dict[str, Any]:
        """Return the order once nothing more will happen to it, or TimeoutError."""
        pause = 0.1
        async with asyncio.timeout(seconds):
            while (order := await self.find_order(order_id))["status"] not in SETTLED:
                await asyncio.sleep(pause)
                # Many who ask often would be the load that they wait for.
                pause = min(pause * 2, 2)
        return order

    async def declined(self, order_id: str, *, seconds: float) -> dict[str, Any]:
        """Return the order once a payment of it has failed, or it has ended, or TimeoutError."""
        pause = 0.1
        async with asyncio.timeout(seconds):
            while True:
                order = await self.find_order(order_id)
                if order["payment_failure"] or order["status"] in SETTLED:
                    return order
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2)

    async def pay(self, order_id: str, way: dict[str, str]) -> dict[str, Any]:
        """Pay another way, after one that failed, and return the order."""
        return await ask(
            self.http,
            "POST",
            f"/v1/orders/{order_id}/payments",
            body=way,
            headers={"Idempotency-Key": str(uuid.uuid4())},
        )

    async def cancel(self, order_id: str) -> dict[str, Any]:
        """Ask for an order to be cancelled."""
        return await ask(self.http, "POST", f"/v1/orders/{order_id}/cancel")

    async def history(self, order_id: str) -> list[dict[str, Any]]:
        """Return an order's changes, oldest first."""
        answer = await ask(self.http, "GET", f"/v1/orders/{order_id}/history")
        items: list[dict[str, Any]] = answer["items"]
        return items

    async def summary(self, order_id: str) -> dict[str, Any]:
        """Return an order with its payment, shipment and notifications."""
        return await ask(self.http, "GET", f"/v1/orders/{order_id}/summary")


async def register(http: httpx.AsyncClient) -> Customer:
    """Open a new account and sign in to it; `http` carries the token from then on."""
    email = f"ada-{secrets.token_hex(6)}@example.com"
    await ask(http, "POST", "/v1/users", body={"email": email, "password": PASSWORD, "name": "Ada"})
    await sign_in(http, email, PASSWORD)
    return Customer(http, email)


async def sign_in(http: httpx.AsyncClient, email: str, password: str) -> None:
    """Sign in; `http` carries the token from then on."""
    http.headers.pop("Authorization", None)
    grant = {"grant_type": "password", "email": email, "password": password}
    tokens = await ask(http, "POST", "/v1/auth/token", body=grant)
    http.headers["Authorization"] = f"Bearer {tokens['access_token']}"


async def ask(  # noqa: PLR0913 -- the parts of a request
    http: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    query: dict[str, str | int] | None = None,
    body: object = None,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Send a request and return the JSON of its answer. Raises RefusedError, httpx.TransportError.

    One that may be repeated is sent once more if its connection ends without an answer, as browsers
    do: a pod that goes may close a kept connection just then. Source: RFC 9110, 9.2.2.
    """
    request = http.build_request(method, path, params=query, json=body, headers=headers)
    try:
        response = await http.send(request)
    except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
        if method != "GET" and "Idempotency-Key" not in request.headers:
            raise
        response = await http.send(request)
    if not response.is_success:
        raise RefusedError(response)
    answer: dict[str, Any] = response.json() if response.content else {}
    return answer
