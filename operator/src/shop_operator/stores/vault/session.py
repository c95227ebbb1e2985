"""Requests to Vault, or OpenBao, as the operator's ServiceAccount.

The operator logs in by Kubernetes' auth method and keeps the token for as long as its lease says;
a token that is refused is replaced once. hvac blocks, so each request runs in a thread.

Source: OpenBao, "HTTP API", status codes; "Kubernetes auth method (API)".
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import hvac
from hvac.exceptions import (
    BadGateway,
    Forbidden,
    InternalServerError,
    InvalidPath,
    InvalidRequest,
    RateLimitExceeded,
    VaultDown,
    VaultError,
    VaultNotInitialized,
)
from requests import RequestException, Session

from shop_operator.settings import Settings
from shop_operator.stores.errors import StoreError

_TIMEOUT_SECONDS: Final = 5
_RENEW_AT: Final = 0.7
"""The part of a token's lease after which a new one is asked for."""
_AWAY: Final = (BadGateway, InternalServerError, RateLimitExceeded, RequestException)
T = TypeVar("T")


class VaultLogin:
    """The operator's token, shared by all reconciles. Every method raises StoreError."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._token, self._until = "", 0.0
        # Kept: a connection costs Vault, and the operator, more than the request does.
        self._http = Session()
        self._http.verify = settings.vault_ca_file or True
        self._one_at_a_time = asyncio.Lock()

    def session(self) -> "VaultSession":
        """Return the session of one reconcile."""
        if not self.settings.vault_address:
            raise StoreError(
                "VaultUnavailable",
                "the operator knows no Vault: set MINISHOP_VAULT_ADDRESS, name secrets.role, or "
                "use secrets.provider kubernetes",
            )
        return VaultSession(self)

    async def token(self) -> str:
        """Return a token that is good for a while; log in if there is none."""
        async with self._one_at_a_time:
            if time.monotonic() > self._until:
                answer = await asyncio.to_thread(self._log_in)
                self._token = answer["client_token"]
                self._until = time.monotonic() + answer["lease_duration"] * _RENEW_AT
            return self._token

    def forget(self, token: str) -> None:
        """Forget a token that was refused."""
        if token == self._token:
            self._until = 0.0

    def client(self, token: str = "") -> hvac.Client:
        """Return a client that sends this token."""
        settings = self.settings
        return hvac.Client(
            url=settings.vault_address,
            token=token,
            namespace=settings.vault_namespace or None,
            session=self._http,
            timeout=_TIMEOUT_SECONDS,
        )

    def _log_in(self) -> dict[str, Any]:
        settings = self.settings
        path = f"auth/{settings.vault_auth_path}/login"
        try:
            jwt = Path(settings.vault_token_file).read_text().strip()
        except OSError as error:
            raise StoreError(
                "PolicyDenied", f"the ServiceAccount's token can't be read: {error}"
            ) from error
        try:
            answer = self.client().write_data(path, data={"role": settings.vault_role, "jwt": jwt})
        except (Forbidden, InvalidRequest) as error:
            raise StoreError(
                "PolicyDenied",
                f"Vault does not let the operator in ({_said(error)}): auth/"
                f"{settings.vault_auth_path}/role/{settings.vault_role} must name its "
                "ServiceAccount and namespace, and Vault must be able to review its token",
            ) from error
        except (VaultError, RequestException) as error:
            raise store_error(error, settings.vault_address, f"POST {path}") from error
        found: dict[str, Any] = _body(answer)["auth"]
        return found


class VaultSession:
    """Requests of one reconcile. Every method raises StoreError."""

    def __init__(self, login: VaultLogin) -> None:
        self.settings = login.settings
        self._login = login

    async def read(self, path: str) -> dict[str, Any] | None:
        """Return what stands at a path; None where nothing does."""

        def read(client: hvac.Client) -> dict[str, Any] | None:
            answer = client.read(path)
            return None if answer is None else _body(answer)["data"]

        return await self._run(f"GET {path}", read)

    async def write(self, path: str, data: Mapping[str, Any]) -> None:
        """Write to a path."""
        await self._run(f"POST {path}", lambda client: client.write_data(path, data=dict(data)))

    async def delete(self, path: str) -> None:
        """Delete what stands at a path, if anything does."""

        def delete(client: hvac.Client) -> None:
            try:
                client.delete(path)
            except InvalidPath:
                return

        await self._run(f"DELETE {path}", delete)

    async def _run(self, what: str, request: Callable[[hvac.Client], T]) -> T:
        for is_last in (False, True):
            token = await self._login.token()
            try:
                return await asyncio.to_thread(request, self._login.client(token))
            except Forbidden as error:
                self._login.forget(token)  # it may have been revoked
                if is_last:
                    raise store_error(error, self.settings.vault_address, what) from error
            except (VaultError, RequestException) as error:
                raise store_error(error, self.settings.vault_address, what) from error
        raise AssertionError("the second try returns or raises")


def _body(answer: Any) -> Any:  # noqa: ANN401 - hvac's, JSON or an answer without a body
    """Return an answer as JSON. Raises VaultError where there is none."""
    if not isinstance(answer, dict):
        raise VaultError(f"an answer without a body: {answer}")
    return answer


def is_told(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Return True if an answer has each field as wanted; Vault leaves out some that are empty."""
    return all((live.get(name) or None) == (value or None) for name, value in wanted.items())


def store_error(error: Exception, address: str, what: str) -> StoreError:
    """Return what an error of a request means, and what a person can do."""
    match error:
        case VaultDown() | VaultNotInitialized():
            reason = "VaultSealed"
            message = (
                f"Vault at {address} is sealed or not initialised; unseal it. Pods that run go on, "
                "new ones wait"
            )
        case Forbidden():
            reason = "PolicyDenied"
            message = (
                f"Vault refuses the operator {what}; write its policy anew from "
                "manifests/platform/vault/operator-policy.hcl"
            )
        case _ if isinstance(error, _AWAY):
            reason = "VaultUnavailable"
            message = (
                f"Vault at {address} does not answer ({_said(error)}); is it running, and may the "
                "operator reach it? Pods that run go on, new ones wait"
            )
        case _:
            reason = "VaultFailed"
            message = f"Vault, {what}: {_said(error)}"
    return StoreError(reason, message)


def _said(error: Exception) -> str:
    return (str(error).splitlines() or [repr(error)])[0]
