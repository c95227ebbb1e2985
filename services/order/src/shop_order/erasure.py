"""Erases the personal data of deleted customers from orders, some time after the deletion.

A order that is still under way keeps what it needs to arrive; its data goes when it has ended.
"""

from datetime import timedelta

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared.clock import now
from shop_shared.stores.erasure import ERASED, ERASED_ADDRESS

_ERASE = sa.text("""
    UPDATE orders
       SET shipping_address = shipping_address || CAST(:erased_address AS jsonb),
           payment = payment || '{"token": null}'
      FROM deleted_customers
     WHERE orders.customer_id = deleted_customers.customer_id
       AND deleted_customers.deleted_at < :before
       AND orders.shipping_address ->> 'name' <> :erased
       AND (orders.status IN ('delivered', 'refunded')
          OR (orders.status IN ('rejected', 'cancelled', 'expired')
              AND coalesce(orders.captured_amount, 0) <= orders.refunded_amount))
""")
_DONE = sa.text("""
    DELETE FROM deleted_customers
     WHERE deleted_at < :before
       AND NOT EXISTS (
           SELECT 1 FROM orders
            WHERE orders.customer_id = deleted_customers.customer_id
              AND orders.shipping_address ->> 'name' <> :erased
       )
""")


async def erase(connection: AsyncConnection, *, keep: timedelta) -> int:
    """Replace name, street and phone in settled orders of customers deleted before `keep`.

    Return how many orders that were.
    """
    parameters = {"before": now() - keep, "erased": ERASED}
    address = orjson.dumps(ERASED_ADDRESS).decode()
    erased = await connection.execute(_ERASE, {**parameters, "erased_address": address})
    await connection.execute(_DONE, parameters)
    return erased.rowcount
