"""Stock by hand: counted, received, lost. On hand is always the sum of the ledger, less sales."""

from typing import Any
from uuid import UUID

from shop_product.events import LowStock
from shop_product.models import MAX_QUANTITY, AdjustmentCreate, InventoryPut
from shop_product.repository import inventory
from shop_product.repository.store import Store, Tx, moment
from shop_shared.http.etag import require_match
from shop_shared.http.problems import Conflict, NotFound, Unprocessable
from shop_shared.ids import uuid7
from shop_shared.messaging import mongo_events
from shop_shared.messaging.events import event

Document = dict[str, Any]


class StockReserved(Conflict):
    """Fewer units would be on hand than orders hold."""

    code, title = "stock_reserved", "Stock is reserved"


class TooManyUnits(Conflict):
    """More units would be on hand than a product can have."""

    code, title = "too_many_units", "Too many units"


async def read(store: Store, product_id: UUID) -> Document:
    """Return the product's stock. Raises ``NotFound``."""
    stock = await store.database["inventory"].find_one({"_id": str(product_id)})
    if stock is None:
        raise NotFound("No such product.")
    return stock


async def count(
    store: Store, product_id: UUID, counted: InventoryPut, *, by: UUID, if_match: str | None
) -> Document:
    """Set what is on hand and book the difference as a correction. Raises ``StockReserved``."""

    async def work(tx: Tx) -> Document:
        before = await _present(tx, product_id)
        require_match(if_match, before["version"], required=True)
        delta = counted.on_hand - before["on_hand"]
        after = await _adjust(tx, before, delta, threshold=counted.low_stock_threshold)
        if delta:
            await inventory.record(tx, [entry(product_id, delta=delta, reason="correction", by=by)])
        return after

    return await store.transaction(work)


async def adjust(
    store: Store,
    product_id: UUID,
    wanted: AdjustmentCreate,
    *,
    by: UUID,
    request_key: str | None,
) -> Document:
    """Move units and return the ledger's line; the same ``request_key`` again returns the first.

    Raises ``StockReserved``, ``TooManyUnits``, and ``Unprocessable`` when the key came with another
    adjustment.
    """
    scoped = f"{by}:{request_key}" if request_key else None

    async def work(tx: Tx) -> Document:
        before = await _present(tx, product_id)
        line = entry(
            product_id,
            delta=wanted.delta,
            reason=wanted.reason,
            note=wanted.note,
            by=by,
            request_key=scoped,
        )
        if scoped and (kept := await inventory.recorded(tx, scoped)):
            same = ("product_id", "delta", "reason", "note")
            if any(kept[field] != line[field] for field in same):
                raise Unprocessable("The Idempotency-Key belongs to another adjustment.")
            return kept
        await _adjust(tx, before, wanted.delta)
        await inventory.record(tx, [line])
        return line

    return await store.transaction(work)


def entry(  # noqa: PLR0913 - keyword-only, each of its own kind
    product_id: UUID | str,
    *,
    delta: int,
    reason: str,
    by: UUID,
    note: str = "",
    request_key: str | None = None,
) -> Document:
    """Make a line of the ledger."""
    return {
        "_id": str(uuid7()),
        "product_id": str(product_id),
        "delta": delta,
        "reason": reason,
        "note": note,
        "made_by": str(by),
        "made_at": moment(),
        "request_key": request_key,
    }


async def _present(tx: Tx, product_id: UUID) -> Document:
    stock = await inventory.get(tx, product_id)
    if stock is None:
        raise NotFound("No such product.")
    return stock


async def _adjust(
    tx: Tx, before: Document, delta: int, *, threshold: int | None = None
) -> Document:
    after = await inventory.adjust(tx, UUID(before["_id"]), delta=delta, threshold=threshold)
    if after is not None:
        await _tell_if_low(tx, before, after)
        return after
    if before["on_hand"] + delta > MAX_QUANTITY:
        raise TooManyUnits(f"A product has at most {MAX_QUANTITY} units on hand.")
    raise StockReserved("Fewer units would be on hand than orders have reserved.")


async def _tell_if_low(tx: Tx, before: Document, after: Document) -> None:
    had, left = (stock["on_hand"] - stock["reserved"] for stock in (before, after))
    if not left <= after["low_stock_threshold"] < had:
        return
    low = LowStock(
        product_id=after["_id"],
        sku=after["sku"],
        available=left,
        threshold=after["low_stock_threshold"],
    )
    await mongo_events.publish(tx.session, tx.database, event(low, key=after["_id"]))
