"""The subscription by which a service hears of deleted accounts (see `stores.erasure`)."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared.messaging.events import ReceivedEvent, ReceivedPayload
from shop_shared.messaging.subscriptions import subscribe
from shop_shared.stores import erasure


class UserDeleted(ReceivedPayload):
    """A customer's account is deleted."""

    user_id: UUID


async def _record(connection: AsyncConnection, user: UserDeleted, _event: ReceivedEvent) -> None:
    await erasure.record(connection, user.user_id)


SUBSCRIPTION = subscribe("user.deleted.v1", UserDeleted, _record)
