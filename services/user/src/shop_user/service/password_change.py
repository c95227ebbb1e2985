"""A new password, by the present one."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.stores.postgres import transaction
from shop_user.passwords import Passwords
from shop_user.service import present_password
from shop_user.service.accounts import set_password


async def change(  # noqa: PLR0913 - keyword-only, each of its own kind
    engine: AsyncEngine,
    passwords: Passwords,
    user_id: UUID,
    *,
    current: str,
    new: str,
    session_id: str | None,
) -> None:
    """Set a new password; every other session ends. Raises what `present_password.require` does."""
    checked = await present_password.require(engine, passwords, user_id, current)
    password_hash = await passwords.hash(new)
    async with transaction(engine) as connection:
        await present_password.locked(connection, checked)
        await set_password(connection, user_id, password_hash, kept_session_id=session_id)
