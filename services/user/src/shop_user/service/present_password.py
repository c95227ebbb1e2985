"""The present password, which a signed-in owner has to give before what matters is changed.

A stolen access token must not be a way to guess it: wrong ones are bounded as at sign-in.
"""

import math
from asyncio import CancelledError
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_shared.http.problems import Forbidden, TooManyRequests
from shop_shared.stores.postgres import transaction
from shop_user.passwords import Passwords
from shop_user.repository import password_tries
from shop_user.service.accounts import present

Row = dict[str, Any]
MAX_WRONG = 10
"""In a window of `password_tries.WINDOW`; as many as auth's default at sign-in."""


class WrongPassword(Forbidden):
    """The present password was asked for, and another came."""

    code, title = "wrong_password", "Wrong password"


async def require(engine: AsyncEngine, passwords: Passwords, user_id: UUID, password: str) -> Row:
    """Raise WrongPassword unless it is the account's, TooManyRequests after too many wrong ones.

    Return the account, for `locked`. Raises NotFound and AccountSuspended for one that cannot be
    changed. No transaction is open while the password is checked.
    """
    async with transaction(engine) as connection:
        account = await present(connection, user_id)
        tries, left = await password_tries.count(connection, user_id)
    if tries > MAX_WRONG:
        raise TooManyRequests(
            "Too many wrong passwords.", retry_after=max(1, math.ceil(left.total_seconds()))
        )
    try:
        is_right = await passwords.verify(account["password_hash"], password)
    except (TooManyRequests, CancelledError):  # it was never checked, or nobody waits for it
        async with transaction(engine) as connection:
            await password_tries.take_back(connection, user_id)
        raise
    if not is_right:
        raise WrongPassword("The current password is wrong.")
    async with transaction(engine) as connection:
        await password_tries.forget(connection, user_id)
    return account


async def locked(connection: AsyncConnection, checked: Row) -> Row:
    """Return the account whose password was checked, held until the transaction ends.

    Raises WrongPassword where it was changed meanwhile: whoever has reset a password that is known
    to others is not overtaken by them. Raises NotFound and AccountSuspended, too.
    """
    account = await present(connection, checked["id"], lock=True)
    if account["password_changed_at"] != checked["password_changed_at"]:
        raise WrongPassword("The current password is wrong.")
    return account
