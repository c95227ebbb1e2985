"""Products: made, changed, taken away. Each change is told in the transaction that makes it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pymongo.errors import DuplicateKeyError

from shop_product.events import ProductDeleted, created, updated
from shop_product.models import ProductCreate, ProductPatch
from shop_product.repository import inventory, products
from shop_product.repository.store import Store, Tx, moment
from shop_product.service import images, ledger
from shop_shared.http.etag import require_match
from shop_shared.http.problems import Conflict, NotFound, Unprocessable
from shop_shared.ids import uuid7
from shop_shared.messaging import mongo_events
from shop_shared.messaging.events import event
from shop_shared.money import Money

Document = dict[str, Any]
NOT_IN_DOCUMENT = {"initial_stock", "low_stock_threshold", "image_svg"}


class SkuTaken(Conflict):
    """Another product has the SKU."""

    code, title = "sku_taken", "SKU is taken"


async def create(store: Store, wanted: ProductCreate, *, by: UUID) -> Document:
    """Add a product with its first stock. Raises ``SkuTaken``."""
    check_prices(wanted.price, wanted.other_prices)

    async def work(tx: Tx) -> Document:
        document = new_document(wanted)
        if wanted.image_svg is not None:
            document |= await images.replace_main(tx, document, wanted.image_svg)
        await products.insert(tx, document)
        await open_stock(tx, [(document, wanted)], by=by)
        await mongo_events.publish(tx.session, tx.database, created(document))
        return document

    try:
        return await store.transaction(work)
    except DuplicateKeyError as error:
        raise SkuTaken(f"{wanted.sku} belongs to another product.") from error


async def change(
    store: Store, product_id: UUID, patch: ProductPatch, *, if_match: str | None
) -> Document:
    """Change what the patch names. Raises ``NotFound`` and the problems of ``require_match``."""
    named = patch.model_dump(exclude_unset=True)

    async def work(tx: Tx) -> Document:
        before = await _present(tx, product_id, if_match=if_match)
        changes = {field: value for field, value in named.items() if field != "image_svg"}
        if "image_svg" in named:
            changes |= await images.replace_main(tx, before, patch.image_svg)
        after = {**before, **changes}
        if named.keys() & {"price", "other_prices"}:
            changes["amounts"] = after["amounts"] = products.amounts(after)
        check_prices(Money(**after["price"]), [Money(**price) for price in after["other_prices"]])
        if after == before:
            return before
        document = await products.update(tx, product_id, changes)
        await mongo_events.publish(tx.session, tx.database, updated(document))
        return document

    return await store.transaction(work)


async def remove(store: Store, product_id: UUID, *, if_match: str | None) -> None:
    """Take a product out of the catalogue; its stock stays on the books, its SKU is free again."""

    async def work(tx: Tx) -> None:
        await _present(tx, product_id, if_match=if_match)
        await products.update(tx, product_id, {"deleted": True, "active": False})
        await mongo_events.publish(
            tx.session,
            tx.database,
            event(ProductDeleted(product_id=product_id), key=product_id),
        )

    await store.transaction(work)


def new_document(wanted: ProductCreate) -> Document:
    """Make the document of a new product, its picture aside."""
    return products.new(uuid7(), wanted.model_dump(exclude=NOT_IN_DOCUMENT), at=moment())


async def open_stock(tx: Tx, opened: list[tuple[Document, ProductCreate]], *, by: UUID) -> None:
    """Open the stock of new products and write their first units in the ledger."""
    await inventory.insert(
        tx,
        [
            inventory.new(
                document["_id"],
                sku=wanted.sku,
                on_hand=wanted.initial_stock,
                low_stock_threshold=wanted.low_stock_threshold,
            )
            for document, wanted in opened
        ],
    )
    first = [
        ledger.entry(document["_id"], delta=wanted.initial_stock, reason="initial", by=by)
        for document, wanted in opened
        if wanted.initial_stock
    ]
    if first:
        await inventory.record(tx, first)


def check_prices(price: Money, others: Sequence[Money]) -> None:
    """Raise ``Unprocessable`` when a currency has two prices."""
    if price.currency in {other.currency for other in others}:
        raise Unprocessable(
            "A currency has one price.",
            errors=[{"pointer": "/other_prices", "message": f"repeats {price.currency}"}],
        )


async def _present(tx: Tx, product_id: UUID, *, if_match: str | None) -> Document:
    document = await products.find(tx.database, product_id, hidden=True, tx=tx)
    if document is None:
        raise NotFound("No such product.")
    require_match(if_match, document["version"], required=True)
    return document
