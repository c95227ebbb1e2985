"""Whose credentials these are: asked by the auth service when someone signs in."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.emails import BadEmailError, canonical
from shop_shared.http.problems import Unauthenticated
from shop_shared.stores.postgres import transaction
from shop_user.models import Credentials, VerifiedCredentials
from shop_user.passwords import Passwords
from shop_user.repository import accounts


class InvalidCredentials(Unauthenticated):
    """Unknown e-mail or wrong password: which of them is not said."""

    code, title = "invalid_credentials", "Credentials not valid"


async def verify(
    engine: AsyncEngine, passwords: Passwords, credentials: Credentials
) -> VerifiedCredentials:
    """Return whose they are. Raises ``InvalidCredentials``, after the same work for everyone.

    No transaction is open while the password is checked: that takes long, connections are few.
    """
    async with transaction(engine) as connection:
        account = await accounts.find_by_email(connection, _key(credentials.email))
    password_hash = account["password_hash"] if account is not None else None
    if not await passwords.verify(password_hash, credentials.password) or account is None:
        raise InvalidCredentials("E-mail or password is wrong.")
    if passwords.outdated(account["password_hash"]):
        stronger = await passwords.hash(credentials.password)
        async with transaction(engine) as connection:
            await accounts.rehash(
                connection, account["id"], old=account["password_hash"], new=stronger
            )
    return VerifiedCredentials(
        user_id=account["id"],
        email=account["email"],
        roles=account["roles"],
        status=account["status"],
        version=account["version"],
    )


async def password_changed_at(engine: AsyncEngine, email: str) -> datetime | None:
    """Return when the password of the account with this e-mail last changed; None for nobody's."""
    async with transaction(engine) as connection:
        account = await accounts.find_by_email(connection, _key(email))
    changed_at: datetime | None = account["password_changed_at"] if account is not None else None
    return changed_at


def _key(email: str) -> str:
    """Return the canonical address, or "", which is nobody's, for what is no address."""
    try:
        return canonical(email)
    except BadEmailError:
        return ""
