"""Erases the personal data of deleted customers from shipments, some time after the deletion.

A parcel that is still under way keeps what it needs to arrive; its data goes when it has ended.
"""

from datetime import timedelta

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared.clock import now
from shop_shared.stores.erasure import ERASED, ERASED_ADDRESS

_ERASE = sa.text("""
    UPDATE shipments
       SET address = address || CAST(:erased_address AS jsonb)
      FROM deleted_customers
     WHERE shipments.customer_id = deleted_customers.customer_id
       AND deleted_customers.deleted_at < :before
       AND shipments.address ->> 'name' <> :erased
       AND shipments.status IN ('delivered', 'failed')
""")
_DONE = sa.text("""
    DELETE FROM deleted_customers
     WHERE deleted_at < :before
       AND NOT EXISTS (
           SELECT 1 FROM shipments
            WHERE shipments.customer_id = deleted_customers.customer_id
              AND shipments.address ->> 'name' <> :erased
       )
""")


async def erase(connection: AsyncConnection, *, keep: timedelta) -> int:
    """Replace name, street and phone in settled shipments of customers deleted before `keep`.

    Return how many shipments that were.
    """
    parameters = {"before": now() - keep, "erased": ERASED}
    address = orjson.dumps(ERASED_ADDRESS).decode()
    erased = await connection.execute(_ERASE, {**parameters, "erased_address": address})
    await connection.execute(_DONE, parameters)
    return erased.rowcount
