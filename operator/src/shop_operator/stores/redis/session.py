"""The administrator's connection to Redis, or Valkey, open for one reconcile."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import structlog

from shop_operator.children.access_secret import Login
from shop_operator.stores.errors import StoreError

if TYPE_CHECKING:
    from redis.asyncio import Redis as Client

_TIMEOUT_SECONDS: Final = 5
_NO_FILE: Final = "not configured to use an ACL file"
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Redis:
    """A Redis server and its administrator."""

    host: str
    port: int
    admin: Login = field(repr=False)

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator["RedisSession"]:
        """Open a session; its connection is closed at the end."""
        from redis.asyncio import Redis as Client  # noqa: PLC0415 - 20 MiB, where there is a Redis

        client = Client(
            host=self.host,
            port=self.port,
            username=self.admin.username,
            password=self.admin.password,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            # Bounded below: by its own timeout, Python 3.11's wait_for swallows cancellations.
            socket_timeout=None,
            decode_responses=True,
        )
        try:
            yield RedisSession(self, client)
        finally:
            # A cancellation that comes while it closes would leave it half closed.
            await asyncio.shield(client.aclose())


class RedisSession:
    """ACL commands. Every method raises StoreError."""

    def __init__(self, server: Redis, client: "Client") -> None:
        self.server = server
        self._client = client

    async def user(self, name: str) -> dict[str, Any] | None:
        """Return a user as ACL GETUSER tells it: flags, passwords, commands, keys, channels."""
        found = await self._run("ACL GETUSER", name)
        if found is None or isinstance(found, dict):
            return found
        return dict(zip(found[::2], found[1::2], strict=True))

    async def set_user(self, name: str, *rules: str) -> None:
        """Set a user's rules, and have the server keep them for its next start."""
        await self._run("ACL SETUSER", name, *rules)
        await self._save()

    async def drop_user(self, name: str) -> None:
        """Drop a user; the server ends its connections."""
        await self._run("ACL DELUSER", name)
        await self._save()

    async def _save(self) -> None:
        """Write the server's ACL file. One without loses its users when it ends."""
        try:
            await self._run("ACL SAVE")
        except StoreError as error:
            if _NO_FILE not in str(error):
                raise
            _log.info("redis keeps no ACL file; users are made again after its restart")

    async def _run(self, command: str, *words: str) -> Any:  # noqa: ANN401 - as the server answers
        from redis.exceptions import (  # noqa: PLC0415 - see above
            AuthenticationError,
            NoPermissionError,
            RedisError,
            ResponseError,
        )

        at = f"{self.server.host}:{self.server.port}"
        try:
            answer: Any = self._client.execute_command(command, *words)  # type: ignore[no-untyped-call]
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                return await answer
        except (AuthenticationError, NoPermissionError) as error:
            raise StoreError("AccessDenied", f"Redis at {at}, {command}: {error}") from error
        except ResponseError as error:
            raise StoreError("StoreFailed", f"Redis, {command}: {error}") from error
        except (RedisError, OSError) as error:
            raise StoreError(
                "Unreachable",
                f"Redis at {at} does not answer ({error or 'timeout'}); is it running, and may "
                "the operator reach it?",
            ) from error
