"""The events that end people's sessions, or change what their tokens say.

Each handler may run any number of times: auth keeps no inbox.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

from redis.exceptions import RedisError

from shop_auth.repository import SessionStore
from shop_shared.messaging.consumer import TemporaryError
from shop_shared.messaging.events import ReceivedEvent, ReceivedPayload
from shop_shared.messaging.subscriptions import Subscription, subscribe

GROUP = "auth"


class AccountEvent(ReceivedPayload):
    """An event about an account."""

    user_id: UUID


class PasswordChanged(AccountEvent):
    """A new password: every session ends but the one that set it, and those that know it."""

    kept_session_id: str | None = None
    version: int | None = None
    """The account's from then on; None from a user service that does not tell it yet."""


class RolesChanged(AccountEvent):
    """Other roles: every session ends but those that have them."""

    version: int | None = None


class EmailChanged(AccountEvent):
    """A new e-mail address."""

    new_email: str
    version: int | None = None


class Suspended(AccountEvent):
    """The account is locked: every session ends but those that began when it was open again."""

    version: int | None = None


PayloadT = TypeVar("PayloadT", bound=AccountEvent)


def subscriptions(sessions: SessionStore | None = None) -> list[Subscription[None, Any]]:
    """Return the subscriptions; for their contract alone no session store is needed."""

    def store() -> SessionStore:
        if sessions is None:
            raise RuntimeError("these subscriptions only describe the contract")
        return sessions

    async def lock_out(account: AccountEvent) -> None:
        await store().block(str(account.user_id))

    async def suspend(suspended: Suspended) -> None:
        if suspended.version is None:
            await lock_out(suspended)
        else:
            await store().end_older(str(suspended.user_id), version=suspended.version, keep=None)

    async def reinstate(account: AccountEvent) -> None:
        await store().unblock(str(account.user_id))

    async def change_roles(changed: RolesChanged) -> None:
        await store().end_older(str(changed.user_id), version=changed.version, keep=None)

    async def change_password(changed: PasswordChanged) -> None:
        kept = changed.kept_session_id
        await store().end_older(str(changed.user_id), version=changed.version, keep=kept)

    async def change_email(changed: EmailChanged) -> None:
        await store().change_email(str(changed.user_id), changed.new_email, version=changed.version)

    return [
        _subscription("deleted", AccountEvent, lock_out),
        _subscription("suspended", Suspended, suspend),
        _subscription("reinstated", AccountEvent, reinstate),
        _subscription("roles_changed", RolesChanged, change_roles),
        _subscription("password_changed", PasswordChanged, change_password),
        _subscription("email_changed", EmailChanged, change_email),
    ]


def _subscription(
    name: str, model: type[PayloadT], work: Callable[[PayloadT], Awaitable[None]]
) -> Subscription[None, PayloadT]:
    """Subscribe to a user event; while Redis is away the event is tried again."""

    async def handle(_tx: None, payload: PayloadT, _event: ReceivedEvent) -> None:
        try:
            await work(payload)
        except RedisError as error:
            raise TemporaryError("Redis is away") from error

    return subscribe(f"user.{name}.v1", model, handle)
