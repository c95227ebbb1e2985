"""Users in Redis and RabbitMQ, as a service's Secret and the stores' administrators see them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import aio_pika
import httpx
import yarl
from aio_pika.abc import AbstractConnection
from redis.asyncio import Redis
from shop_servers.servers import RabbitMQ
from shop_servers.servers import Redis as RedisServer

from shop_operator.api.kinds import SECRET
from shop_operator.children.access_secret import decode

from .shop import Shop

CACHE: dict[str, Any] = {"kind": "redis"}
QUEUE: dict[str, Any] = {"kind": "rabbitmq"}


async def url(shop: Shop, service: str, file: str) -> str:
    """Return a store's address in a service's Secret."""
    secret = await shop.client.get(SECRET, shop.namespace, f"{service}-access")
    return decode(secret["data"][file])


@asynccontextmanager
async def cache(shop: Shop, service: str, server: RedisServer) -> AsyncIterator[Redis]:
    """Log in to Redis as a service, by what its Secret says."""
    login, at = urlsplit(await url(shop, service, "redis_url")), urlsplit(server.url)
    async with Redis(
        host=at.hostname or "",
        port=at.port or 0,
        username=login.username,
        password=unquote(login.password or ""),
        decode_responses=True,
    ) as client:
        yield client


@asynccontextmanager
async def queue(shop: Shop, service: str, server: RabbitMQ) -> AsyncIterator[AbstractConnection]:
    """Log in to RabbitMQ as a service, by what its Secret says."""
    login, at = urlsplit(await url(shop, service, "rabbitmq_url")), urlsplit(server.url)
    user, password = login.username or "", unquote(login.password or "")
    async with connected(f"{at.hostname}:{at.port}", user, password) as connection:
        yield connection


@asynccontextmanager
async def connected(address: str, user: str, password: str) -> AsyncIterator[AbstractConnection]:
    """Log in to RabbitMQ. One that is refused is closed too, or it would try to when collected."""
    at = yarl.URL(f"amqp://{address}/").with_user(user).with_password(password)
    connection = aio_pika.Connection(at)
    try:
        await connection.connect()
        yield connection
    finally:
        await connection.close()


async def ask(client: Redis, *words: str) -> Any:
    """Send a command to Redis as it is."""
    answer: Any = client.execute_command(*words)  # type: ignore[no-untyped-call]
    return await answer


async def ready(shop: Shop, *services: str) -> None:
    """Wait until the users of services are there."""
    for service in services:
        await shop.reason(service, "SecretsReady", "Available")


async def rabbit(
    server: RabbitMQ, method: str, path: str, body: dict[str, str] | None = None
) -> httpx.Response:
    """Ask the management API as its administrator."""
    at = urlsplit(server.url)
    login = at.username or "", at.password or ""
    async with httpx.AsyncClient(auth=login, timeout=60) as client:
        return await client.request(method, f"{server.management_url}/api/{path}", json=body)


async def rabbit_user(server: RabbitMQ, user: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a user, empty without one, and its permissions."""
    found = await rabbit(server, "GET", f"users/{user}")
    if found.status_code == httpx.codes.NOT_FOUND:
        return {}, []
    return found.json(), (await rabbit(server, "GET", f"users/{user}/permissions")).json()
