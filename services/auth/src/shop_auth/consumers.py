"""What the auth service hears: what ends people's sessions."""

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from redis.exceptions import RedisError

from shop_auth.repository import SessionStore
from shop_shared.messaging.consumer import Handler, TemporaryError
from shop_shared.messaging.events import ReceivedEvent

GROUP = "auth"


class Heard(BaseModel):
    """An account's event: what is read here, whatever else it says."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    user_id: UUID


class PasswordChanged(Heard):
    """Whoever knew the old password is out; the session that changed it goes on."""

    kept_session_id: str | None = None


CONSUMES: Mapping[str, Mapping[str, type[Heard]]] = {
    "user.events": {
        "minishop.user.deleted.v1": Heard,
        "minishop.user.suspended.v1": Heard,
        "minishop.user.reinstated.v1": Heard,
        "minishop.user.roles_changed.v1": Heard,
        "minishop.user.password_changed.v1": PasswordChanged,
    }
}


def handlers(sessions: SessionStore) -> Mapping[str, Handler[None]]:
    """Return the handler of each type heard. Each may run any number of times."""

    async def locked_out(event: ReceivedEvent) -> None:
        await sessions.block(str(event.parse(Heard).user_id))

    async def reinstated(event: ReceivedEvent) -> None:
        await sessions.unblock(str(event.parse(Heard).user_id))

    async def roles_changed(event: ReceivedEvent) -> None:
        await sessions.end_all(str(event.parse(Heard).user_id))

    async def password_changed(event: ReceivedEvent) -> None:
        heard = event.parse(PasswordChanged)
        await sessions.end_all(str(heard.user_id), keep=heard.kept_session_id)

    return {
        "minishop.user.deleted.v1": _patiently(locked_out),
        "minishop.user.suspended.v1": _patiently(locked_out),
        "minishop.user.reinstated.v1": _patiently(reinstated),
        "minishop.user.roles_changed.v1": _patiently(roles_changed),
        "minishop.user.password_changed.v1": _patiently(password_changed),
    }


def _patiently(work: Callable[[ReceivedEvent], Awaitable[None]]) -> Handler[None]:
    """Let an event wait for Redis."""

    async def handle(_tx: None, event: ReceivedEvent) -> None:
        try:
            await work(event)
        except RedisError as error:
            raise TemporaryError("Redis is away") from error

    return handle
