"""Accounts, by the staff: suspended, given roles, deleted. And the first administrator."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_shared.http.problems import Conflict, NotFound
from shop_shared.messaging.events import EventPayload, event
from shop_shared.messaging.outbox import publish
from shop_shared.stores.postgres import transaction
from shop_user.events import RolesChanged, UserReinstated, UserSuspended
from shop_user.models import Role, Status
from shop_user.passwords import Passwords
from shop_user.repository import accounts
from shop_user.service.accounts import erase, open_account, require_another_admin

Row = dict[str, Any]
_log = structlog.get_logger(__name__)


class OwnAccount(Conflict):
    """Nobody locks out or demotes themselves: there might be no administrator left."""

    code, title = "own_account", "Not for your own account"


async def set_status(engine: AsyncEngine, user_id: UUID, status: Status, *, by: UUID) -> Row:
    """Suspend or reinstate an account. Doing it twice changes nothing."""

    def told(after: Row) -> EventPayload:
        if status == "suspended":
            return UserSuspended(user_id=user_id, version=after["version"])
        return UserReinstated(user_id=user_id)

    return await _change(engine, user_id, told, by=by, status=status)


async def set_roles(engine: AsyncEngine, user_id: UUID, roles: list[Role], *, by: UUID) -> Row:
    """Give an account these roles and no others."""
    distinct = sorted(set(roles))

    def told(after: Row) -> EventPayload:
        return RolesChanged(user_id=user_id, roles=distinct, version=after["version"])

    return await _change(engine, user_id, told, by=by, roles=distinct)


async def _change(
    engine: AsyncEngine,
    user_id: UUID,
    told: Callable[[Row], EventPayload],
    *,
    by: UUID,
    **changes: Any,  # noqa: ANN401 - columns' values
) -> Row:
    if user_id == by:
        raise OwnAccount("Ask another administrator.")
    async with transaction(engine) as connection:
        if changes.get("status") == "suspended" or "admin" not in changes.get("roles", ["admin"]):
            await require_another_admin(connection, user_id)
        before = await _locked(connection, user_id)
        if all(before[field] == value for field, value in changes.items()):
            return before
        after = await accounts.update(connection, user_id, **changes)
        await publish(connection, event(told(after), key=user_id))
    _log.info("account changed by staff", user_id=str(user_id), by=str(by), **changes)
    return after


async def delete(engine: AsyncEngine, user_id: UUID, *, by: UUID) -> None:
    """Delete an account whose owner has asked for it by mail, also a suspended one.

    Raises OwnAccount, LastAdministrator, NotFound.
    """
    if user_id == by:
        raise OwnAccount("Your own account is deleted at /v1/users/me.")
    async with transaction(engine) as connection:
        await require_another_admin(connection, user_id)
        await _locked(connection, user_id)
        await erase(connection, user_id)
    _log.info("account deleted by staff", user_id=str(user_id), by=str(by))


async def _locked(connection: AsyncConnection, user_id: UUID) -> Row:
    account = await accounts.find(connection, user_id, lock=True)
    if account is None or account["status"] == "deleted":
        raise NotFound("No such account.")
    return account


async def ensure_admin(
    engine: AsyncEngine, passwords: Passwords, *, email: str, password: str
) -> None:
    """Open the first administrator's account, or make the account that is there one.

    The password of an account that is there stays: settings never undo what a person has set.
    """
    password_hash = await passwords.hash(password)
    async with transaction(engine) as connection:
        user_id, is_new = await open_account(
            connection,
            email=email,
            name="Administrator",
            locale="en",
            password_hash=password_hash,
            roles=["admin", "customer"],
        )
        if is_new:
            return
        account = await accounts.find(connection, user_id, lock=True)
        if account is not None and "admin" not in account["roles"]:
            roles = sorted({*account["roles"], "admin"})
            after = await accounts.update(connection, account["id"], roles=roles)
            told = RolesChanged(user_id=account["id"], roles=roles, version=after["version"])
            await publish(connection, event(told, key=account["id"]))
