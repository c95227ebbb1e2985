"""Gives back what orders hold long past their time, and deletes old outbox and inbox documents.

Orders end their own reservations; this is for an order whose word never came. Any number of
replicas may sweep at once: only one moves a reservation on.
"""

import asyncio
from datetime import datetime
from uuid import UUID

import structlog

from shop_product.repository import reservations as stored
from shop_product.repository.store import Store, Tx
from shop_product.service import reservations
from shop_product.settings import Settings
from shop_shared.clock import now
from shop_shared.http.problems import Unavailable
from shop_shared.messaging import mongo_events
from shop_shared.stores import mongo

BATCH = 100
_log = structlog.get_logger(__name__)


async def run(store: Store, settings: Settings) -> None:
    """Sweep every interval, for as long as the process lives."""
    while True:
        await asyncio.sleep(settings.sweep_interval_seconds)
        try:
            await sweep(store, before=now() - settings.sweep_grace)
            await mongo_events.purge(store.database)
        except Exception as error:
            if not (mongo.is_temporary(error) or isinstance(error, Unavailable)):
                raise
            _log.warning("cannot sweep", error=repr(error))


async def sweep(store: Store, *, before: datetime) -> int:
    """Release the reservations that should have ended ``before`` then; return how many."""
    orders = [order async for order in stored.overdue(store.database, before=before, limit=BATCH)]
    for order_id in orders:
        _log.warning("reservation overdue", order_id=str(order_id))

        async def release(tx: Tx, order_id: UUID = order_id) -> None:
            await reservations.release(tx, order_id=order_id, reason="expired", restock=False)

        await store.transaction(release)
    return len(orders)
