"""Pictures in MongoDB: their contents by product and digest, and their list in the product.

A product's `images` are its pictures in order, the first is the main one, and `image` repeats that
one's digest. A product of an earlier version has `image` alone, and its picture's content (SVG)
under the product's own id.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from bson import Binary

from shop_product.images.encoder import SVG_TYPE, EncodedImage
from shop_product.repository.store import Tx
from shop_shared.stores import mongo

Document = dict[str, Any]


def entry(image: EncodedImage, *, alt: str) -> Document:
    """Make what a product's list says of a picture."""
    return {
        "id": image.digest,
        "alt": alt,
        "media_type": image.media_type,
        "width": image.width,
        "height": image.height,
        "size": len(image.content),
    }


def listed(product: Document) -> list[Document]:
    """Return a product's pictures, the main one first."""
    stored: list[Document] = product.get("images") or []
    main = product.get("image")
    if main is None or any(image["id"] == main for image in stored):
        return list(stored)
    alone = dict.fromkeys(("width", "height", "size"))
    return [{"id": main, "alt": "", "media_type": SVG_TYPE, **alone}, *stored]


def fields(images: Sequence[Document]) -> Document:
    """Return the product's fields that say which pictures it has."""
    return {"images": list(images), "image": images[0]["id"] if images else None}


async def put(tx: Tx, product_id: str, image: EncodedImage) -> None:
    """Keep a picture's content."""
    key = _key(product_id, image.digest)
    kept = {
        "product_id": product_id,
        "digest": image.digest,
        "media_type": image.media_type,
        "content": Binary(image.content),
    }
    await tx.database["images"].replace_one({"_id": key}, kept, upsert=True, session=tx.session)


async def drop(tx: Tx, product_id: str, digest: str) -> None:
    """Forget a picture's content."""
    await tx.database["images"].delete_many(_named(product_id, digest), session=tx.session)


async def find(database: mongo.Database, product_id: UUID, digest: str) -> tuple[bytes, str] | None:
    """Return a picture's content and media type."""
    found = await database["images"].find_one(_named(str(product_id), digest))
    if found is None:
        return None
    content = found["content"]
    data = content.encode() if isinstance(content, str) else bytes(content)
    return data, found.get("media_type", SVG_TYPE)


def _key(product_id: str, digest: str) -> str:
    return f"{product_id}/{digest}"


def _named(product_id: str, digest: str) -> Document:
    return {"_id": {"$in": [_key(product_id, digest), product_id]}, "digest": digest}
