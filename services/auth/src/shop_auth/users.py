"""The user service, which knows whose credentials these are."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

import httpx
import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict

from shop_shared.http.problems import TooManyRequests, Unavailable
from shop_shared.http.retry import REPEATABLE

_AWAY = "Sign-in is not possible at the moment."
_log = structlog.get_logger(__name__)


class Account(BaseModel):
    """Whose credentials they are."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    user_id: UUID
    email: str
    roles: tuple[str, ...]
    status: str
    version: int | None = None
    """Counts up with each change; None from a user service that does not tell it yet."""


class PasswordChange(BaseModel):
    """When a password last changed."""

    model_config = ConfigDict(frozen=True)

    changed_at: AwareDatetime | None


class Users:
    """Calls the user service with a service token of our own."""

    def __init__(self, client: httpx.AsyncClient, token: Callable[[], Awaitable[str]]) -> None:
        self._client = client
        self._token = token

    async def verify(self, email: str, password: str) -> Account | None:
        """Return the account, or None for wrong credentials.

        Raises ``Unavailable``, and ``TooManyRequests`` while too many sign in at once.
        """
        answer = await self._post(
            "/internal/v1/credentials:verify", {"email": email, "password": password}
        )
        try:
            if answer.json().get("code") == "invalid_credentials":
                return None
            answer.raise_for_status()
            return Account.model_validate_json(answer.content)
        except (httpx.HTTPError, ValueError) as error:
            raise _unusable(answer, error) from error

    async def password_changed_at(self, email: str) -> datetime | None:
        """Return when the password of this e-mail's account last changed; None where unknown.

        Raises ``Unavailable``.
        """
        answer = await self._post("/internal/v1/credentials:changed", {"email": email})
        try:
            answer.raise_for_status()
            return PasswordChange.model_validate_json(answer.content).changed_at
        except (httpx.HTTPError, ValueError) as error:
            raise _unusable(answer, error) from error

    async def _post(self, path: str, content: dict[str, str]) -> httpx.Response:
        try:
            answer = await self._client.post(
                path,
                json=content,
                headers={"Authorization": f"Bearer {await self._token()}"},
                extensions=REPEATABLE,  # both questions change nothing
            )
        except httpx.HTTPError as error:
            raise Unavailable(_AWAY) from error
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise TooManyRequests("Too many sign-ins at once.", retry_after=1)
        return answer


def _unusable(answer: httpx.Response, error: Exception) -> Unavailable:
    _log.warning("user service's answer not usable", status=answer.status_code, error=repr(error))
    return Unavailable(_AWAY)
