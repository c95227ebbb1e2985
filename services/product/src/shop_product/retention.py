"""Ends what is kept of old orders' reservations, and adds old lines of the ledger up.

A reservation that has ended is deleted after `keep_reservations_days`: its units are in the stock's
own counts. The lines of a product's ledger that are older than `keep_ledger_days` become one, the
opening balance, with the sum of them: on hand + sold is still the sum of the ledger, at any moment.
"""

from datetime import datetime
from functools import partial
from typing import Any

import structlog
from prometheus_client import Counter

from shop_product.repository.store import Store, Tx
from shop_product.settings import Settings
from shop_shared.clock import now
from shop_shared.stores import mongo

OPENING_BALANCE = "opening_balance"
"""Reason of the line that stands for older ones."""
BATCH = 50
"""Products whose ledgers are added up at a time."""
_ENDED = ["committed", "released", "rejected", "restocked"]
_log = structlog.get_logger(__name__)
_purged = Counter("product_purged", "Documents that ended their retention", ["collection"])


async def run_once(store: Store, settings: Settings) -> None:
    """Do what is due."""
    at = now()
    reservations = await delete_reservations(store.database, before=at - settings.reservations_kept)
    lines = await add_up_ledgers(store, before=at - settings.ledger_kept)
    if reservations or lines:
        _log.info("retention", reservations=reservations, ledger_lines=lines)


async def delete_reservations(database: mongo.Database, *, before: datetime) -> int:
    """Delete the reservations that ended before then; return how many."""
    ended = {"status": {"$in": _ENDED}, "updated_at": {"$lt": before}}
    deleted = (await database["reservations"].delete_many(ended)).deleted_count
    _purged.labels("reservations").inc(deleted)
    return deleted


async def add_up_ledgers(store: Store, *, before: datetime) -> int:
    """Replace each product's lines from before then by one; return how many fewer there are.

    Each product in a transaction of its own; whoever does the same at once starts over and finds
    one line.
    """
    pipeline: list[dict[str, Any]] = [
        {"$match": {"made_at": {"$lt": before}}},
        {"$group": {"_id": "$product_id", "lines": {"$sum": 1}}},
        {"$match": {"lines": {"$gt": 1}}},
        {"$limit": BATCH},
    ]
    found = await store.database["adjustments"].aggregate(pipeline)
    products = [row["_id"] async for row in found]
    fewer = 0
    for product_id in products:
        fewer += await store.transaction(partial(_add_up, product_id=product_id, before=before))
    _purged.labels("adjustments").inc(fewer)
    return fewer


async def _add_up(tx: Tx, *, product_id: str, before: datetime) -> int:
    """Make the newest of the old lines their opening balance and delete the others."""
    ledger = tx.database["adjustments"]
    old = {"product_id": product_id, "made_at": {"$lt": before}}
    lines = await ledger.find(old, sort=[("_id", -1)], session=tx.session).to_list()
    if len(lines) < 2:  # noqa: PLR2004 - nothing to add up
        return 0
    newest, *others = lines
    balance = {
        "delta": sum(line["delta"] for line in lines),
        "reason": OPENING_BALANCE,
        "note": f"all lines before {before.date().isoformat()}",
    }
    await ledger.update_one(
        {"_id": newest["_id"]},
        {"$set": balance, "$unset": {"request_key": ""}},
        session=tx.session,
    )
    await ledger.delete_many({"_id": {"$in": [line["_id"] for line in others]}}, session=tx.session)
    return len(others)
