"""Each server demands the password: a test that passes with a wrong one would prove nothing."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import asyncpg
import httpx
import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure
from redis.asyncio import Redis as RedisClient
from redis.exceptions import AuthenticationError
from shop_servers.servers import Database, MongoDB, Postgres, RabbitMQ, Redis
from yarl import URL


def wrong(url: str) -> str:
    """Return a URL with another password."""
    at = urlsplit(url)
    return at._replace(netloc=f"{at.username}:wrong@{at.hostname}:{at.port}").geturl()


def without(url: str) -> str:
    """Return a URL that names nobody."""
    at = urlsplit(url)
    return at._replace(netloc=f"{at.hostname}:{at.port}").geturl()


async def test_postgres_refuses_a_wrong_password(
    postgres: Postgres, postgres_database: Database
) -> None:
    for url in (postgres.url, postgres_database.url):
        await (await asyncpg.connect(url)).close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(wrong(url))


async def test_postgres_demands_a_password_of_those_who_replicate(postgres: Postgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong(postgres.url), server_settings={"replication": "true"})


@pytest.mark.parametrize("change", [wrong, without])
async def test_redis_refuses_a_wrong_password(redis: Redis, change: Callable[[str], str]) -> None:
    async with RedisClient.from_url(change(redis.url)) as client:
        with pytest.raises(AuthenticationError):
            await client.ping()


async def test_rabbitmq_refuses_a_wrong_password(rabbitmq: RabbitMQ, rabbitmq_url: str) -> None:
    await (await aio_pika.connect(rabbitmq_url)).close()
    refused = aio_pika.Connection(URL(wrong(rabbitmq_url)))
    with pytest.raises(aio_pika.exceptions.ProbableAuthenticationError):
        await refused.connect()
    await refused.close()
    async with httpx.AsyncClient(auth=("guest", "wrong")) as client:
        answer = await client.get(f"{rabbitmq.management_url}/api/vhosts")
    assert answer.status_code == httpx.codes.UNAUTHORIZED


@pytest.mark.parametrize("change", [wrong, without])
async def test_mongodb_refuses_a_wrong_password(
    mongodb: MongoDB, mongodb_database: Database, change: Callable[[str], str]
) -> None:
    for url in (mongodb.url, mongodb_database.url):
        async with AsyncMongoClient[dict[str, Any]](change(url)) as client:
            with pytest.raises(OperationFailure):
                await client[mongodb_database.name].things.find_one()
