"""MongoDB by PyMongo's asynchronous API: client and transactions."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from pymongo import AsyncMongoClient, ReadPreference
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shop_shared.settings import ServiceSettings

Client = AsyncMongoClient[dict[str, Any]]
Database = AsyncDatabase[dict[str, Any]]
Session = AsyncClientSession


def create_client(settings: ServiceSettings) -> Client:
    """Make the client; it connects when first used, and writes are majority-acknowledged.

    The database named in the URL is `client.get_default_database()`. Raises ValueError where
    settings has no `database_url`.
    """
    if settings.database_url is None:
        raise ValueError("database_url is not set")
    return AsyncMongoClient(
        settings.database_url.get_secret_value(),
        appname=settings.service_name,
        maxPoolSize=20,
        serverSelectionTimeoutMS=5000,
        timeoutMS=10000,  # less than the gateway waits, so that its callers are told why
        tz_aware=True,
        uuidRepresentation="standard",
        w="majority",
    )


@asynccontextmanager
async def transaction(client: Client) -> AsyncIterator[Session]:
    """Work in one transaction (snapshot reads, majority writes); rolled back on any exception.

    A lost race raises PyMongoError with the label TransientTransactionError: run it all again.
    """
    async with (
        client.start_session() as session,
        await session.start_transaction(
            read_concern=ReadConcern("snapshot"),
            write_concern=WriteConcern("majority"),
            read_preference=ReadPreference.PRIMARY,
        ),
    ):
        yield session


def check(client: Client) -> Callable[[], Awaitable[None]]:
    """Return a readiness check (see `health`) that asks MongoDB for an answer."""

    async def ping() -> None:
        await client.admin.command("ping")

    return ping


def is_lost_race(error: BaseException) -> bool:
    """Say whether another transaction had what this one wanted, so that it is to begin again."""
    return isinstance(error, OperationFailure) and error.has_error_label(
        "TransientTransactionError"
    )


def is_temporary(error: BaseException) -> bool:
    """Say whether error is MongoDB's being away, or a lost race."""
    if isinstance(error, PyMongoError) and (
        error.timeout
        or error.has_error_label("TransientTransactionError")
        or error.has_error_label("RetryableWriteError")
    ):
        return True
    return isinstance(error, ConnectionFailure | ConnectionError | TimeoutError)
