"""Requests to RabbitMQ's management API as the administrator, for one reconcile.

Source: RabbitMQ, "Management HTTP API reference".
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import orjson
from yarl import URL

from shop_operator.children.access_secret import Login
from shop_operator.stores.errors import StoreError

_TIMEOUT: Final = aiohttp.ClientTimeout(total=10, sock_connect=5)
_NOT_FOUND: Final = 404
_DENIED: Final = frozenset({401, 403})
_FAILED: Final = 400


@dataclass(frozen=True, slots=True)
class RabbitMQ:
    """A RabbitMQ server's management API and its administrator."""

    url: str
    admin: Login = field(repr=False)

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator["RabbitSession"]:
        """Open a session; its connections are closed at the end."""
        login = aiohttp.encode_basic_auth(self.admin.username, self.admin.password)
        headers = {"Authorization": login}
        async with aiohttp.ClientSession(headers=headers, timeout=_TIMEOUT) as client:
            yield RabbitSession(self, client)


class RabbitSession:
    """Users and their permissions. Every method raises StoreError."""

    def __init__(self, server: RabbitMQ, client: aiohttp.ClientSession) -> None:
        self.server = server
        self._client = client

    async def user(self, name: str) -> dict[str, Any] | None:
        """Return a user: password_hash, tags."""
        found: dict[str, Any] | None = await self._ask("GET", "users", name)
        return found

    async def set_user(self, name: str, *, password_hash: str, tags: str) -> None:
        """Make a user, or set its password and tags."""
        fields = {
            "password_hash": password_hash,
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": tags,
        }
        await self._ask("PUT", "users", name, body=fields)

    async def drop_user(self, name: str) -> None:
        """Drop a user with its permissions; RabbitMQ ends its connections."""
        await self._ask("DELETE", "users", name)

    async def permissions(self, name: str) -> list[dict[str, Any]]:
        """Return a user's permissions, one entry a virtual host."""
        return await self._ask("GET", "users", name, "permissions") or []

    async def set_permissions(self, name: str, vhost: str, fields: Mapping[str, str]) -> None:
        """Set what a user may configure, write and read in a virtual host, as patterns."""
        await self._ask("PUT", "permissions", vhost, name, body=fields)

    async def drop_permissions(self, name: str, vhost: str) -> None:
        """Take a user out of a virtual host."""
        await self._ask("DELETE", "permissions", vhost, name)

    async def _ask(self, method: str, *path: str, body: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        parts = "/".join(quote(part, safe="") for part in path)
        what = f"RabbitMQ, {method} {parts}"
        url = URL(f"{self.server.url.rstrip('/')}/api/{parts}", encoded=True)
        data = None if body is None else orjson.dumps(body)
        headers = {"Content-Type": "application/json"}
        try:
            async with self._client.request(method, url, data=data, headers=headers) as answer:
                said = await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise StoreError(
                "Unreachable",
                f"RabbitMQ's management API at {self.server.url} does not answer "
                f"({error or 'timeout'}); is it enabled, and may the operator reach it?",
            ) from error
        if answer.status == _NOT_FOUND:
            return None
        if answer.status in _DENIED:
            raise StoreError(
                "AccessDenied", f"{what}: RabbitMQ refuses {self.server.admin.username}"
            )
        if answer.status >= _FAILED:
            raise StoreError("StoreFailed", f"{what}: {answer.status} {said.decode()[:200]}")
        return orjson.loads(said) if said else None
