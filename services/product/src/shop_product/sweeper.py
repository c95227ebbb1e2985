"""Releases reservations that are long overdue, and ends what is past its retention.

Orders end their own reservations; this is for an order whose event never came. Any number of
replicas may sweep at once: only one changes a reservation.
"""

from datetime import datetime
from functools import partial
from uuid import UUID

import structlog

from shop_product import retention
from shop_product.repository import reservations as stored
from shop_product.repository.store import Store, Tx
from shop_product.service import reservations
from shop_product.settings import Settings
from shop_shared.background import every
from shop_shared.clock import now
from shop_shared.http.problems import Unavailable
from shop_shared.messaging import mongo_events
from shop_shared.stores import mongo

BATCH = 100
_log = structlog.get_logger(__name__)


async def run(store: Store, settings: Settings) -> None:
    """Sweep every interval, for as long as the process lives."""
    await every(
        settings.sweep_interval_seconds,
        partial(_sweep_and_purge, store, settings),
        is_temporary=_is_temporary,
    )


async def _sweep_and_purge(store: Store, settings: Settings) -> None:
    await sweep(store, before=now() - settings.sweep_grace)
    await mongo_events.purge(store.database)
    await retention.run_once(store, settings)


def _is_temporary(error: Exception) -> bool:
    return mongo.is_temporary(error) or isinstance(error, Unavailable)


async def sweep(store: Store, *, before: datetime) -> int:
    """Release the reservations that should have ended ``before`` then; return how many."""
    orders = [order async for order in stored.overdue(store.database, before=before, limit=BATCH)]
    for order_id in orders:
        _log.warning("reservation overdue", order_id=str(order_id))

        async def release(tx: Tx, order_id: UUID = order_id) -> None:
            await reservations.release(tx, order_id=order_id, reason="expired", restock=False)

        await store.transaction(release)
    return len(orders)
