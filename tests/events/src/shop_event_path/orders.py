"""What is bought in tests of the whole event path."""

from typing import Any
from uuid import uuid4

from shop_shared.addresses import EXAMPLE


def a_mug(*, units: int) -> dict[str, Any]:
    """Return a new product with so many units, as the catalogue takes it."""
    return {
        "sku": f"MUG-{uuid4().hex[:8].upper()}",
        "name": "Blue mug",
        "description": "Stoneware.",
        "category": "kitchen",
        "price": {"amount": 1499, "currency": "USD"},
        "active": True,
        "initial_stock": units,
    }


def an_order(product_id: str, *, token: str, quantity: int = 1) -> dict[str, Any]:
    """Return an order of one product, to be paid by a card."""
    return {
        "items": [{"product_id": product_id, "quantity": quantity}],
        "shipping_address": EXAMPLE,
        "payment": {"provider": "stripe", "method": "card", "currency": "USD", "token": token},
    }
