"""Accounts, by their owners: opened, changed, deleted."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_shared.clock import now
from shop_shared.http.etag import require_match
from shop_shared.http.problems import Conflict, Forbidden, NotFound
from shop_shared.ids import uuid7
from shop_shared.messaging.events import event
from shop_shared.messaging.outbox import publish
from shop_shared.stores.postgres import transaction
from shop_user.events import (
    PasswordChanged,
    RegistrationRepeated,
    UserDeleted,
    UserRegistered,
    UserUpdated,
)
from shop_user.models import ProfilePatch, Registration
from shop_user.passwords import Passwords
from shop_user.repository import accounts, password_tries

Row = dict[str, Any]


class AccountSuspended(Forbidden):
    """The account is locked by the staff."""

    code, title = "account_suspended", "Account suspended"


class LastAdministrator(Conflict):
    """The shop would be left without an administrator."""

    code, title = "last_administrator", "The last administrator"


async def register(engine: AsyncEngine, passwords: Passwords, wanted: Registration) -> None:
    """Open an account; where its e-mail has one, only its owner is told by mail.

    Either way the password is hashed and an account and an event are written, so that neither the
    answer nor its time tells which it was.
    """
    password_hash = await passwords.hash(wanted.password)
    async with transaction(engine) as connection:
        user_id, is_new = await open_account(
            connection,
            email=wanted.email,
            name=wanted.name,
            locale=wanted.locale,
            password_hash=password_hash,
            roles=["customer"],
        )
        if not is_new:
            repeated = RegistrationRepeated(user_id=user_id, email=wanted.email)
            await publish(connection, event(repeated, key=user_id))


async def open_account(  # noqa: PLR0913 - keyword-only, each of its own kind
    connection: AsyncConnection,
    *,
    email: str,
    name: str,
    locale: str,
    password_hash: str,
    roles: list[str],
) -> tuple[UUID, bool]:
    """Add an account and publish it; return the id that the e-mail has, and whether it is new.

    The e-mail is canonical (`shop_shared.emails`).
    """
    row = {
        "id": uuid7(),
        "email": email,
        "email_key": email,
        "name": name,
        "locale": locale,
        "password_hash": password_hash,
        "roles": roles,
    }
    user_id, is_new = await accounts.insert(connection, row)
    if is_new:
        registered = UserRegistered(
            user_id=user_id, email=email, name=name, locale=locale, version=accounts.FIRST_VERSION
        )
        await publish(connection, event(registered, key=user_id))
    return user_id, is_new


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
        await publish(connection, event(updated(after), key=user_id))
        return after


def updated(account: Row) -> UserUpdated:
    """Make the event of an account whose profile has changed."""
    profile = {name: account[name] for name in ("email", "name", "phone", "locale", "version")}
    return UserUpdated(user_id=account["id"], **profile)


async def delete(engine: AsyncEngine, user_id: UUID) -> None:
    """Erase the person's data and publish `deleted`. Raises LastAdministrator."""
    async with transaction(engine) as connection:
        await require_another_admin(connection, user_id)
        await present(connection, user_id, lock=True)
        await erase(connection, user_id)


async def erase(connection: AsyncConnection, user_id: UUID) -> None:
    """Erase an account that is there, whoever asked for it, and publish `deleted`."""
    await accounts.erase(connection, user_id)
    await publish(connection, event(UserDeleted(user_id=user_id), key=user_id))


async def require_another_admin(connection: AsyncConnection, user_id: UUID) -> None:
    """Raise LastAdministrator if the account is the only active administrator's."""
    if await accounts.is_only_admin(connection, user_id):
        raise LastAdministrator("Make somebody else an administrator first.")


async def set_password(
    connection: AsyncConnection,
    user_id: UUID,
    password_hash: str,
    *,
    kept_session_id: str | None,
) -> None:
    """Write the new password and publish `password_changed`; forget wrong ones from before."""
    await password_tries.forget(connection, user_id)
    after = await accounts.update(
        connection, user_id, password_hash=password_hash, password_changed_at=now()
    )
    changed = PasswordChanged(
        user_id=user_id,
        kept_session_id=UUID(kept_session_id) if kept_session_id else None,
        version=after["version"],
    )
    await publish(connection, event(changed, key=user_id))
