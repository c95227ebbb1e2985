"""Documents as the API shows them."""

from typing import Any

from shop_product.models import Adjustment, Inventory, Product

Document = dict[str, Any]


def listed(row: Document) -> Document:
    """Show a product in a list; no model is built, for lists are the hottest path."""
    return {
        "id": row["_id"],
        "sku": row["sku"],
        "name": row["name"],
        "category": row["category"],
        "brand": row["brand"],
        "price": row["price"],
        "image_url": image_url(row),
        "available": row["available"],
    }


def product(document: Document, *, available: int) -> Product:
    """Show a product in full."""
    return Product.model_validate(
        {
            **document,
            "id": document["_id"],
            "image_url": image_url(document),
            "available": available,
        }
    )


def image_url(row: Document) -> str | None:
    """Return where the picture is; the address changes with the picture."""
    return f"/v1/products/{row['_id']}/image?v={row['image']}" if row["image"] else None


def inventory(stock: Document) -> Inventory:
    """Show a product's stock."""
    return Inventory.model_validate(
        {
            **stock,
            "product_id": stock["_id"],
            "available": stock["on_hand"] - stock["reserved"],
        }
    )


def adjustment(line: Document) -> Adjustment:
    """Show a line of the ledger."""
    return Adjustment.model_validate({**line, "id": line["_id"]})
