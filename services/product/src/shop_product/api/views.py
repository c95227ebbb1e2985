"""Documents as the API shows them."""

from typing import Any

from shop_product.models import Adjustment, Inventory, LowStock, Product, ProductImage
from shop_product.repository.images import listed as listed_images

Document = dict[str, Any]


def listed(row: Document, *, currency: str | None = None) -> Document:
    """Return a product as a list shows it, priced in the currency if one is given.

    No model is built: lists are the most frequent requests.
    """
    return {
        "id": row["_id"],
        "sku": row["sku"],
        "name": row["name"],
        "category": row["category"],
        "brand": row["brand"],
        "price": row["price"]
        if currency is None
        else {"amount": row["amounts"][currency], "currency": currency},
        "image_url": image_url(row),
        "available": row["available"],
    }


def product(document: Document, *, available: int) -> Product:
    """Return a product in full."""
    return Product.model_validate(
        {
            **document,
            "id": document["_id"],
            "image_url": image_url(document),
            "images": images(document),
            "available": available,
        }
    )


def images(document: Document) -> list[ProductImage]:
    """Return a product's pictures in order; the address of each changes with its content."""
    return [
        ProductImage(
            **image, main=not number, url=f"/v1/products/{document['_id']}/images/{image['id']}"
        )
        for number, image in enumerate(listed_images(document))
    ]


def image_url(row: Document) -> str | None:
    """Return where the picture is; the address changes with the picture."""
    return f"/v1/products/{row['_id']}/image?v={row['image']}" if row["image"] else None


def inventory(stock: Document) -> Inventory:
    """Return a product's stock."""
    return Inventory.model_validate(
        {
            **stock,
            "product_id": stock["_id"],
            "available": stock["on_hand"] - stock["reserved"],
        }
    )


def low_stock(stock: Document) -> LowStock:
    """Return a product whose stock is low, as the staff's list shows it."""
    return LowStock(
        product_id=stock["_id"],
        sku=stock["sku"],
        name=stock["name"],
        available=stock["on_hand"] - stock["reserved"],
        low_stock_threshold=stock["low_stock_threshold"],
    )


def adjustment(line: Document) -> Adjustment:
    """Return a line of the ledger."""
    return Adjustment.model_validate({**line, "id": line["_id"]})
