"""Connections to the API server, and the credentials that they are used with."""

import asyncio
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import kopf

from shop_operator.api.api_errors import ApiError
from shop_operator.api.connection import NoClusterError, tls, tls_facts
from shop_operator.metadata import MANAGER

_LOGIN_SECONDS: Final = 300.0
"""Age at which credentials are read again: token files and exec plugins rotate them."""
_REFUSED_SECONDS: Final = 5.0
"""Pause before a third login, if neither the first credentials nor the second worked."""
_UNAUTHORIZED: Final = 401


@dataclass(slots=True)
class Session:
    """Connections with the credentials of one login."""

    http: aiohttp.ClientSession
    connection: kopf.ConnectionInfo
    since: float
    tls: tuple[object, ...]
    proven: bool = True
    """False after a login that a 401 caused, until the API server takes the new credentials."""
    answers: "weakref.WeakSet[aiohttp.ClientResponse]" = field(default_factory=weakref.WeakSet)
    """What came over its connections, and may still be read."""

    @property
    def is_current(self) -> bool:
        """True until the credentials are to be read again."""
        return time.monotonic() - self.since < _LOGIN_SECONDS

    def url(self, path: str) -> str:
        """Return the URL of a path of the API server."""
        return (self.connection.server or "").rstrip("/") + path

    def keep(self, answer: aiohttp.ClientResponse) -> None:
        """Have an answer end with the connections, which may have been closed by now."""
        self.answers.add(answer)
        if self.http.closed:
            answer.close()

    async def close(self) -> None:
        """Close all connections, and end what is read over them by a ClientError.

        To close the connections alone leaves readers waiting for ever: aiohttp lets go of what they
        wait for, and of their time limit.
        """
        for answer in list(self.answers):
            answer.close()
        await self.http.close()

    @property
    def headers(self) -> dict[str, str]:
        """Headers of every request."""
        return {"User-Agent": MANAGER, "Accept": "application/json"} | (
            self.connection.as_http_headers()
        )


class Sessions:
    """The current session. One login replaces it for all requests that it failed."""

    def __init__(self, login: Callable[[], kopf.ConnectionInfo]) -> None:
        self._login = login
        self._session: Session | None = None
        self._logging_in = asyncio.Lock()

    async def open(self) -> None:
        """Log in for the first time. Raises NoClusterError."""
        self._session = await self._open(None)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def current(self) -> Session:
        """Return the session to use now. Raises ApiError if there are no credentials now."""
        if self._session is None:
            raise RuntimeError("the client is used outside of its `async with`")
        if self._session.is_current:
            return self._session
        return await self.replace(self._session)

    async def replace(self, session: Session) -> Session:
        """Log in, once for all requests that this session failed; return the current session.

        The same session is returned if it is itself the answer to a 401 and was refused at once.

        Raises ApiError if there are no credentials now.
        """
        async with self._logging_in:
            current = self._session
            if current is not session and current is not None:
                return current
            is_new = time.monotonic() - session.since < _REFUSED_SECONDS
            if is_new and not session.proven:
                return session
            was_refused = session.is_current
            try:
                another = await self._open(session)
            except NoClusterError as error:
                raise ApiError(_UNAUTHORIZED, f"no new login: {error}") from error
            another.proven = not was_refused
            self._session = another
            if another.http is not session.http:
                await session.close()  # its watches are begun anew
            return another

    async def _open(self, before: Session | None) -> Session:
        """Log in. Connections are kept, unless TLS is set up otherwise than before.

        Raises NoClusterError.
        """
        connection = await asyncio.to_thread(self._login)
        now, facts = time.monotonic(), tls_facts(connection)
        if before is not None and before.tls == facts:
            return Session(before.http, connection, now, facts, answers=before.answers)
        connector = aiohttp.TCPConnector(
            limit=0,  # watches hold a connection each; requests are bounded by the workers
            ssl=await asyncio.to_thread(tls, connection),
        )
        return Session(aiohttp.ClientSession(connector=connector), connection, now, facts)
