"""Products that a test sells, and takes out of the catalogue at its end."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from shop_journey.customer import SHOP, RefusedError, ask, sign_in

PRICES = {
    "price": {"amount": 1250, "currency": "USD"},
    "other_prices": [{"amount": 15000000, "currency": "IDR"}],
}


@dataclass
class Products:
    """Products of a test, made by the shop's staff."""

    _http: httpx.AsyncClient
    _made: list[str] = field(default_factory=list)

    async def make(self, stock: int = 50, **changes: object) -> str:
        """Return the id of a new product, sold in dollars and rupiah."""
        body: dict[str, Any] = {
            "sku": f"E2E-{secrets.token_hex(6)}",
            "name": f"Test mug {secrets.token_hex(3)}",
            "category": "kitchen",
            "initial_stock": stock,
            **PRICES,
            **changes,
        }
        product = str((await ask(self._http, "POST", "/v1/products", body=body))["id"])
        self._made.append(product)
        return product

    async def remove(self) -> None:
        """Take them out of the catalogue, whoever has changed them meanwhile."""
        for product in self._made:
            path = f"/v1/products/{product}"
            found = await self._http.get(path)
            if found.status_code == httpx.codes.NOT_FOUND:  # the test has done it
                continue
            if not found.is_success:
                raise RefusedError(found)
            await ask(self._http, "DELETE", path, headers={"If-Match": found.headers["etag"]})


@asynccontextmanager
async def selling() -> AsyncIterator[Products]:
    """Sign in as staff, and remove at the end what was made."""
    async with httpx.AsyncClient(base_url=SHOP, timeout=20) as http:
        await sign_in(http, "admin@minishop.dev", "development-only")
        products = Products(http)
        try:
            yield products
        finally:
            await products.remove()
