"""An export of all personal data that this service holds about an account."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.clock import now
from shop_shared.stores.postgres import transaction
from shop_user.models import Address, Export, SentCode, User
from shop_user.repository import addresses, codes
from shop_user.service.accounts import present


async def of_user(engine: AsyncEngine, user_id: UUID) -> Export:
    """Return the account, its addresses and the codes of the last day. Raises NotFound."""
    async with transaction(engine) as connection:
        account = await present(connection, user_id)
        book = await addresses.of_user(connection, user_id)
        sent = await codes.of_user(connection, user_id)
    return Export(
        exported_at=now(),
        account=User.model_validate(account),
        addresses=[Address.model_validate(row) for row in book],
        codes=[SentCode.model_validate(row) for row in sent],
    )
