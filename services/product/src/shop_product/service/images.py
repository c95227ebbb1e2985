"""A product's pictures: added, described, put in order, taken away. The first is the main one."""

from typing import Any
from uuid import UUID

from shop_product.events import updated
from shop_product.images.encoder import EncodedImage, checked_svg
from shop_product.repository import images, products
from shop_product.repository.store import Store, Tx
from shop_shared.http.etag import require_match
from shop_shared.http.problems import Conflict, NotFound, Unprocessable
from shop_shared.messaging import mongo_events

MAX_IMAGES = 20
"""Pictures of one product."""
Document = dict[str, Any]


class TooManyImages(Conflict):
    """The product has all the pictures that one can have."""

    code, title = "too_many_images", "Too many pictures"


async def add(
    store: Store, product_id: UUID, image: EncodedImage, *, alt: str, if_match: str | None
) -> tuple[Document, bool]:
    """Put a picture behind the others; return the product, and whether it is new.

    A picture that the product has already stays where it is. Raises NotFound, PreconditionFailed,
    TooManyImages.
    """

    async def work(tx: Tx) -> tuple[Document, bool]:
        before, present = await _load(tx, product_id)
        require_match(if_match, before["version"])
        if any(known["id"] == image.digest for known in present):
            return before, False
        if len(present) >= MAX_IMAGES:
            raise TooManyImages(f"A product has at most {MAX_IMAGES} pictures.")
        await images.put(tx, before["_id"], image)
        changed = [*present, images.entry(image, alt=alt)]
        return await _update(tx, product_id, changed), True

    return await store.transaction(work)


async def describe(
    store: Store, product_id: UUID, image_id: str, *, alt: str, if_match: str | None
) -> Document:
    """Change a picture's text; return the product. Raises NotFound and require_match's problems."""

    async def work(tx: Tx) -> Document:
        before, present = await _load(tx, product_id)
        require_match(if_match, before["version"], required=True)
        _require(present, image_id)
        changed = [{**known, "alt": alt} if known["id"] == image_id else known for known in present]
        return await _update(tx, product_id, changed)

    return await store.transaction(work)


async def arrange(
    store: Store, product_id: UUID, order: list[str], *, if_match: str | None
) -> Document:
    """Put the pictures in this order; return the product.

    Raises NotFound, require_match's problems, and Unprocessable unless each is named once.
    """

    async def work(tx: Tx) -> Document:
        before, present = await _load(tx, product_id)
        require_match(if_match, before["version"], required=True)
        by_id = {known["id"]: known for known in present}
        if sorted(order) != sorted(by_id):
            raise Unprocessable(
                "Name each picture of the product once.",
                errors=[{"pointer": "/ids", "message": "not the ids of the product's pictures"}],
            )
        changed = [by_id[image_id] for image_id in order]
        return await _update(tx, product_id, changed)

    return await store.transaction(work)


async def remove(store: Store, product_id: UUID, image_id: str, *, if_match: str | None) -> None:
    """Take a picture away. Raises NotFound and the problems of require_match."""

    async def work(tx: Tx) -> None:
        before, present = await _load(tx, product_id)
        require_match(if_match, before["version"], required=True)
        _require(present, image_id)
        left = [known for known in present if known["id"] != image_id]
        await images.drop(tx, before["_id"], image_id)
        await _update(tx, product_id, left)

    await store.transaction(work)


async def replace_main(tx: Tx, product: Document, svg: str | None) -> Document:
    """Put an SVG in the main picture's place, or take that away; return the product's new fields.

    For `image_svg`, which knows one picture. Empty where nothing changes.
    """
    present = images.listed(product)
    main = present[0] if present else None
    others = present[1:]
    if svg is None:
        if main is None:
            return {}
        await images.drop(tx, product["_id"], main["id"])
        return images.fields(others)
    image = checked_svg(svg.encode())
    if main is not None and main["id"] == image.digest:
        return {}
    if main is not None:
        await images.drop(tx, product["_id"], main["id"])
    await images.put(tx, product["_id"], image)
    alt = main["alt"] if main is not None else ""
    kept = [other for other in others if other["id"] != image.digest]
    return images.fields([images.entry(image, alt=alt), *kept])


async def _load(tx: Tx, product_id: UUID) -> tuple[Document, list[Document]]:
    product = await products.find(tx.database, product_id, hidden=True, tx=tx)
    if product is None:
        raise NotFound("No such product.")
    return product, images.listed(product)


async def _update(tx: Tx, product_id: UUID, pictures: list[Document]) -> Document:
    """Store a product's pictures and publish the change: a cache may have one that goes."""
    product = await products.update(tx, product_id, images.fields(pictures))
    await mongo_events.publish(tx.session, tx.database, updated(product))
    return product


def _require(present: list[Document], image_id: str) -> None:
    if all(known["id"] != image_id for known in present):
        raise NotFound("No such picture.")
