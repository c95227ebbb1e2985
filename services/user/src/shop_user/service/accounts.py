"""Accounts, by their owners: opened, changed, deleted."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_shared.http.etag import require_match
from shop_shared.http.problems import Forbidden, NotFound
from shop_shared.ids import uuid7
from shop_shared.messaging.events import event
from shop_shared.messaging.outbox import publish
from shop_shared.stores.postgres import transaction
from shop_user import emails
from shop_user.events import PasswordChanged, UserDeleted, UserRegistered, UserUpdated
from shop_user.models import ProfilePatch, Registration
from shop_user.passwords import Passwords
from shop_user.repository import accounts

Row = dict[str, Any]


class AccountSuspended(Forbidden):
    """The account is locked by the staff."""

    code, title = "account_suspended", "Account suspended"


class WrongPassword(Forbidden):
    """The present password was asked for, and another came."""

    code, title = "wrong_password", "Wrong password"


async def register(engine: AsyncEngine, passwords: Passwords, wanted: Registration) -> None:
    """Open an account, unless its e-mail has one: then nothing changes and nothing shows it.

    The password is hashed in either case, so that not even the time tells.
    """
    password_hash = await passwords.hash(wanted.password)
    async with transaction(engine) as connection:
        await open_account(
            connection,
            email=wanted.email,
            name=wanted.name,
            locale=wanted.locale,
            password_hash=password_hash,
            roles=["customer"],
        )


async def open_account(  # noqa: PLR0913 - keyword-only, each of its own kind
    connection: AsyncConnection,
    *,
    email: str,
    name: str,
    locale: str,
    password_hash: str,
    roles: list[str],
) -> bool:
    """Add an account and tell of it; return False when the e-mail has one."""
    user_id = uuid7()
    row = {
        "id": user_id,
        "email": email,
        "email_key": emails.normalised(email),
        "name": name,
        "locale": locale,
        "password_hash": password_hash,
        "roles": roles,
    }
    if not await accounts.insert(connection, row):
        return False
    registered = UserRegistered(user_id=user_id, email=email, name=name, locale=locale)
    await publish(connection, event(registered, key=user_id))
    return True


async def present(connection: AsyncConnection, user_id: UUID, *, lock: bool = False) -> Row:
    """Return the owner's account. Raises ``NotFound``, ``AccountSuspended``."""
    account = await accounts.find(connection, user_id, lock=lock)
    if account is None or account["status"] == "deleted":
        raise NotFound("No such account.")
    if account["status"] == "suspended":
        raise AccountSuspended("This account is suspended.")
    return account


async def change(
    engine: AsyncEngine, user_id: UUID, patch: ProfilePatch, *, if_match: str | None
) -> Row:
    """Change the profile. A new phone has to be verified anew."""
    changes = patch.model_dump(exclude_unset=True)
    async with transaction(engine) as connection:
        before = await present(connection, user_id, lock=True)
        require_match(if_match, before["version"])
        changed = {field: value for field, value in changes.items() if before[field] != value}
        if not changed:
            return before
        if "phone" in changed:
            changed["phone_verified_at"] = None
        after = await accounts.update(connection, user_id, **changed)
        told = {field: after[field] for field in ("email", "name", "phone", "locale")}
        await publish(connection, event(UserUpdated(user_id=user_id, **told), key=user_id))
        return after


async def delete(engine: AsyncEngine, user_id: UUID) -> None:
    """Erase the person."""
    async with transaction(engine) as connection:
        await present(connection, user_id, lock=True)
        await accounts.erase(connection, user_id)
        await publish(connection, event(UserDeleted(user_id=user_id), key=user_id))


async def change_password(  # noqa: PLR0913 - keyword-only, each of its own kind
    engine: AsyncEngine,
    passwords: Passwords,
    user_id: UUID,
    *,
    current: str,
    new: str,
    session_id: str | None,
) -> None:
    """Set a new password; every other session ends. Raises ``WrongPassword``."""
    async with transaction(engine) as connection:
        before = await present(connection, user_id)
    if not await passwords.verify(before["password_hash"], current):
        raise WrongPassword("The current password is wrong.")
    password_hash = await passwords.hash(new)
    async with transaction(engine) as connection:
        await present(connection, user_id, lock=True)
        await set_password(connection, user_id, password_hash, kept_session_id=session_id)


async def set_password(
    connection: AsyncConnection,
    user_id: UUID,
    password_hash: str,
    *,
    kept_session_id: str | None,
) -> None:
    """Write the new password and tell of it."""
    await accounts.update(connection, user_id, password_hash=password_hash)
    changed = PasswordChanged(
        user_id=user_id, kept_session_id=UUID(kept_session_id) if kept_session_id else None
    )
    await publish(connection, event(changed, key=user_id))
