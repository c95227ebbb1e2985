"""Products that a test sells."""

import secrets
from typing import Any

import httpx
from shop_journey.customer import SHOP, ask, sign_in

PRICES = {
    "price": {"amount": 1250, "currency": "USD"},
    "other_prices": [{"amount": 15000000, "currency": "IDR"}],
}


async def make_product(stock: int = 50) -> str:
    """Return the id of a new product, sold in dollars and rupiah."""
    body: dict[str, Any] = {
        "sku": f"E2E-{secrets.token_hex(6)}",
        "name": f"Test mug {secrets.token_hex(3)}",
        "category": "kitchen",
        "initial_stock": stock,
        **PRICES,
    }
    async with httpx.AsyncClient(base_url=SHOP, timeout=20) as http:
        await sign_in(http, "admin@minishop.dev", "development-only")
        return str((await ask(http, "POST", "/v1/products", body=body))["id"])
