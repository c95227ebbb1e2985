"""PostgreSQL by SQLAlchemy Core on asyncpg. Credentials are read again when their file changes."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import httpx
import orjson
import sqlalchemy as sa
import structlog
from asyncpg.exceptions import InternalClientError
from prometheus_client import Gauge
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import await_only

from shop_shared.settings import ServiceSettings, read_secret, secret_version

_log = structlog.get_logger(__name__)
_login_expires = Gauge(
    "database_login_expires_timestamp_seconds",
    "When PostgreSQL stops taking this process's login: Inf for never, 0 while that is not known",
)
CONNECT_TIMEOUT = 5.0
COMMAND_TIMEOUT = 30.0
LOGIN_PATIENCE: Final = 8.0
"""Seconds that a refused login waits for its file to hold another: less than for a connection."""
_LOOK_AGAIN: Final = 0.2
_TRUSTED_IDLE: Final = 1.0
"""Seconds that a connection may be idle and is used without asking whether it still is one.

One that the server ends is seen to be closed some 3 ms later, so asking is for what ends unseen.
"""
_FILE: Final = "database_url"
ERRORS: Final = (
    sa.exc.SQLAlchemyError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
)
"""What a call of PostgreSQL may raise; `is_temporary` tells which of them another try may cure."""


def create_engine(settings: ServiceSettings) -> AsyncEngine:
    """Make the engine; it connects when first used.

    Connections made with credentials that have since rotated in their file, and such as the server
    has ended, are replaced as they are taken from the pool. A login from a file that is refused, as
    its lease was ended, is tried again once the file holds another, for which Vault's agent is
    asked where settings has a `vault_agent_url`. Raises ValueError where it has no `database_url`.
    """
    if settings.database_url is None:
        raise ValueError("database_url is not set")
    login = _Login(settings, settings.database_url.get_secret_value())
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=login.connect,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_recycle=1800,
        hide_parameters=True,  # of statements that fail: who they are about is not for logs
        pool_use_lifo=True,  # the one used last is the one whose caches are warm, here and there
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
    )

    @sa.event.listens_for(engine.sync_engine, "connect")
    def remember(_connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        entry.info["dsn"] = login.latest

    @sa.event.listens_for(engine.sync_engine, "checkout")
    def replace_ended(
        connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: object
    ) -> None:
        login.look()
        if entry.info["dsn"] != login.latest:
            raise DisconnectionError("credentials have rotated")
        idle = time.monotonic() - entry.info.get("idle_since", time.monotonic())
        if connection.driver_connection.is_closed() or (
            idle > _TRUSTED_IDLE and not await_only(_answers(connection.driver_connection))
        ):
            raise DisconnectionError("the server has ended the connection")

    @sa.event.listens_for(engine.sync_engine, "checkin")
    def remember_when(_connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        entry.info["idle_since"] = time.monotonic()

    @sa.event.listens_for(engine.sync_engine, "handle_error")
    def hide_values(context: sa.engine.ExceptionContext) -> None:
        error = getattr(context.original_exception, "orig", None)
        if isinstance(error, asyncpg.PostgresError):
            error.detail = None  # PostgreSQL names the row there: not for logs either

    return engine


async def _answers(connection: "asyncpg.Connection[Any]") -> bool:
    """Return True if a connection that was idle can be used.

    One that the server ends may have told so and not be closed yet.
    """
    try:
        await connection.execute("SELECT 1", timeout=CONNECT_TIMEOUT)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, InternalClientError, OSError):
        return False
    return True


class _Login:
    """The address with the login, as its file says now, or the environment."""

    def __init__(self, settings: ServiceSettings, configured: str) -> None:
        self.latest = configured
        self._version = secret_version(_FILE)
        self._configured = configured
        self._application = settings.service_name
        self._agent = settings.vault_agent_url
        self._asked_for: str | None = None

    def look(self) -> None:
        """Read the file again if it was written anew."""
        now = secret_version(_FILE)
        if now != self._version:
            self.latest, self._version = read_secret(_FILE) or self.latest, now

    async def connect(self) -> "asyncpg.Connection[Any]":
        """Connect; a login that is refused is tried again once its file holds another."""
        end = asyncio.get_running_loop().time() + LOGIN_PATIENCE
        while True:
            secret = await asyncio.to_thread(read_secret, _FILE)
            self.latest = secret or self._configured
            try:
                return await asyncpg.connect(
                    self.latest,
                    timeout=CONNECT_TIMEOUT,
                    command_timeout=COMMAND_TIMEOUT,
                    server_settings={"application_name": self._application, "jit": "off"},
                )
            except asyncpg.InvalidAuthorizationSpecificationError:
                if secret is None:
                    raise
                await self._ask_for_another(secret)
                if not await _changes(secret, until=end):
                    raise
                _log.info("login refused; its file holds another one now")

    async def _ask_for_another(self, secret: str) -> None:
        """Have Vault's agent begin anew, once a login: it would keep an ended one for long."""
        if self._agent is None or self._asked_for == secret:
            return
        self._asked_for = secret
        try:
            async with httpx.AsyncClient(timeout=CONNECT_TIMEOUT) as http:
                (await http.post(f"{self._agent}/agent/v1/quit")).raise_for_status()
        except (httpx.RemoteProtocolError, httpx.ReadError):
            pass  # it ended before it answered
        except httpx.HTTPError as error:
            if isinstance(error, httpx.TransportError):
                self._asked_for = None
            _log.warning("Vault's agent was not asked for another login", error=repr(error))
            return
        _log.info("login refused; Vault's agent begins anew")


async def _changes(secret: str, *, until: float) -> bool:
    """Wait until the file of the login holds another one; return False if it never does."""
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        await asyncio.sleep(_LOOK_AGAIN)
        if await asyncio.to_thread(read_secret, _FILE) not in {secret, None}:
            return True
    return False


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Work in one transaction: committed at the end, rolled back on any exception."""
    async with engine.begin() as connection:
        yield connection


@asynccontextmanager
async def autocommit(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Work in statements that are a transaction each: no BEGIN and no COMMIT is waited for."""
    async with engine.connect() as connection:
        yield await connection.execution_options(isolation_level="AUTOCOMMIT")


_LOGIN_EXPIRES = sa.text("""
    SELECT extract(epoch FROM coalesce(rolvaliduntil, 'infinity')) FROM pg_roles
    WHERE rolname = session_user
""")


def check(engine: AsyncEngine) -> Callable[[], Awaitable[None]]:
    """Return a readiness check (see `health`) that asks PostgreSQL for an answer.

    It measures by the way for how long PostgreSQL takes the login: as long as Vault's lease lasts.
    """

    async def ping() -> None:
        async with autocommit(engine) as connection:
            ends = (await connection.execute(_LOGIN_EXPIRES)).scalar()
        if ends is not None:  # of a login that was dropped, what was known last is still told
            _login_expires.set(float(ends))

    return ping


# SQLSTATE classes and codes that a later try may not meet again (PostgreSQL, appendix A).
_TEMPORARY = ("08", "53", "57", "58", "40", "28P01", "55P03", "25006")


def is_temporary(error: BaseException) -> bool:
    """Say whether error is PostgreSQL's being away, overloaded, or a lost race for a lock."""
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None)
        return error.connection_invalidated or (state or "").startswith(_TEMPORARY)
    return (
        isinstance(
            error,
            ConnectionError
            | TimeoutError
            | socket.gaierror
            | sa.exc.TimeoutError
            | asyncpg.PostgresConnectionError
            | asyncpg.InterfaceError,
        )
        or type(error) is OSError  # what asyncio raises when every address of a host failed
        or (getattr(error, "sqlstate", None) or "").startswith(_TEMPORARY)
    )
