"""The user service, asked whose credentials these are: the one call auth makes."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx
import structlog
from pydantic import BaseModel, ConfigDict

from shop_shared.http.problems import Unavailable

_log = structlog.get_logger(__name__)


class Account(BaseModel):
    """Whose credentials they are."""

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    email: str
    roles: tuple[str, ...]
    status: str


class Users:
    """Calls ``credentials:verify`` with a service token of our own."""

    def __init__(self, client: httpx.AsyncClient, token: Callable[[], Awaitable[str]]) -> None:
        self._client = client
        self._token = token

    async def verify(self, email: str, password: str) -> Account | None:
        """Return the account, or None for wrong credentials. Raises ``Unavailable``."""
        try:
            answer = await self._client.post(
                "/internal/v1/credentials:verify",
                json={"email": email, "password": password},
                headers={"Authorization": f"Bearer {await self._token()}"},
            )
        except httpx.HTTPError as error:
            raise Unavailable("Sign-in is not possible at the moment.") from error
        try:
            if answer.json().get("code") == "invalid_credentials":
                return None
            answer.raise_for_status()
            return Account.model_validate_json(answer.content)
        except (httpx.HTTPError, ValueError) as error:
            _log.warning("credentials not verified", status=answer.status_code, error=repr(error))
            raise Unavailable("Sign-in is not possible at the moment.") from error
