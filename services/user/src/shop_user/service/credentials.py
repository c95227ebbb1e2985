"""Whose credentials these are: asked by the auth service when someone signs in."""

from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.http.problems import Unauthenticated
from shop_shared.stores.postgres import transaction
from shop_user import emails
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
    try:
        email_key = emails.normalised(credentials.email)
    except emails.BadEmailError:
        email_key = ""  # nobody's: the column has none such
    async with transaction(engine) as connection:
        account = await accounts.find_by_email(connection, email_key)
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
    )
