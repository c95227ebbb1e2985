"""PostgreSQL by SQLAlchemy Core on asyncpg. Credentials are read again when their file changes."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import orjson
import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from shop_shared.settings import ServiceSettings, read_secret

CONNECT_TIMEOUT = 5.0
COMMAND_TIMEOUT = 30.0
ERRORS: Final = (
    sa.exc.SQLAlchemyError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
)
"""What a call of PostgreSQL may raise; `is_temporary` tells which of them another try may cure."""


def create_engine(settings: ServiceSettings) -> AsyncEngine:
    """Make the engine; it connects when first used.

    Connections made with credentials that have since rotated are replaced as they are taken from
    the pool. Raises ValueError where settings has no `database_url`.
    """
    if settings.database_url is None:
        raise ValueError("database_url is not set")
    configured = settings.database_url.get_secret_value()
    latest = configured

    async def connect() -> "asyncpg.Connection[Any]":
        nonlocal latest
        secret = await asyncio.to_thread(read_secret, "database_url")
        latest = secret or configured
        return await asyncpg.connect(
            latest,
            timeout=CONNECT_TIMEOUT,
            command_timeout=COMMAND_TIMEOUT,
            server_settings={"application_name": settings.service_name, "jit": "off"},
        )

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_recycle=1800,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
    )

    @sa.event.listens_for(engine.sync_engine, "connect")
    def remember(_connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        entry.info["dsn"] = latest

    @sa.event.listens_for(engine.sync_engine, "checkout")
    def replace_rotated(
        _connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: object
    ) -> None:
        if entry.info["dsn"] != latest:
            raise DisconnectionError("credentials have rotated")

    return engine


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Work in one transaction: committed at the end, rolled back on any exception."""
    async with engine.begin() as connection:
        yield connection


def check(engine: AsyncEngine) -> Callable[[], Awaitable[None]]:
    """Return a readiness check (see `health`) that asks PostgreSQL for an answer."""

    async def ping() -> None:
        async with engine.connect() as connection:
            await connection.execute(sa.text("SELECT 1"))

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
