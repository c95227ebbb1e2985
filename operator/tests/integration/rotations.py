"""What the tests of rotations share: logins in real stores, and how far a rotation is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import asyncpg
import pytest
from aiormq.exceptions import AMQPError
from pymongo.errors import OperationFailure
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError
from shop_servers.servers import Postgres, RabbitMQ
from shop_servers.servers import Redis as RedisServer

from shop_operator.api.kinds import DEPLOYMENT, SECRET, SHOP_SERVICE
from shop_operator.api.write_gate import WriteGate
from shop_operator.children.access_secret import RENEWED_ANNOTATION, decode
from shop_operator.spec import ROTATE_ANNOTATION

from .outside import status
from .shop import PATIENCE_SECONDS, Shop, eventually
from .store_users import connected
from .workloads import observe

NAME = "orders"
REFUSED = (asyncpg.InvalidAuthorizationSpecificationError, AuthenticationError, AMQPError)


def spec(name: str, kind: str = "postgres") -> dict[str, Any]:
    return {
        "database": {"kind": kind, "name": name, "onDelete": "Drop"},
        "cache": {"kind": "redis"},
        "queue": {"kind": "rabbitmq"},
    }


class Stores:
    """The running stores, opened by what a service's Secret says, or said before."""

    def __init__(self, postgres: Postgres, redis: RedisServer, rabbitmq: RabbitMQ) -> None:
        self._at = {
            "database_url": urlsplit(postgres.url),
            "redis_url": urlsplit(redis.url),
            "rabbitmq_url": urlsplit(rabbitmq.url),
        }

    async def open(self, urls: dict[str, SplitResult]) -> None:
        """Log in to each store once. Raises what the store's client raises if it refuses."""
        for file, url in urls.items():
            at, user, word = self._at[file], url.username or "", unquote(url.password or "")
            host, port = at.hostname or "", at.port or 0
            if file == "database_url":
                database = url.path.strip("/")
                session = await asyncpg.connect(
                    host=host, port=port, user=user, password=word, database=database
                )
                assert await session.fetchval("SELECT current_user") == database
                await session.close()
            elif file == "redis_url":
                async with Redis(host=host, port=port, username=user, password=word) as client:
                    await client.set(f"{NAME}:seen", "1", ex=60)
            else:
                async with connected(f"{host}:{port}", user, word):
                    pass

    async def refuse(self, urls: dict[str, SplitResult]) -> bool:
        """Return True if every store refuses its login."""
        for file, url in urls.items():
            try:
                await self.open({file: url})
            except REFUSED:
                continue
            return False
        return True


async def urls_of(shop: Shop) -> dict[str, SplitResult]:
    """Return the addresses in the service's Secret."""
    secret = await shop.client.get(SECRET, shop.namespace, f"{NAME}-access")
    return {name: urlsplit(decode(data)) for name, data in secret["data"].items()}


async def request(shop: Shop, at: str) -> None:
    """Ask for a rotation as the command does."""
    patch = {"metadata": {"annotations": {ROTATE_ANNOTATION: at}}}
    await shop.client.merge(SHOP_SERVICE, shop.namespace, NAME, patch)


async def phase(
    shop: Shop, wanted: str, at: str | None = None, *, seconds: float = PATIENCE_SECONDS
) -> Any:
    """Wait until the rotation is there; return `status.rotation`."""
    seen: list[dict[str, Any]] = []

    async def reached() -> bool:
        seen.append((await status(shop, NAME)).get("rotation") or {})
        return seen[-1].get("phase") == wanted and at in {None, seen[-1].get("requestedAt")}

    await eventually(reached, seconds=seconds, why=lambda: f"the rotation is {seen[-1]}")
    return seen[-1]


async def is_told(shop: Shop, at: str) -> None:
    """Wait until the pod template asks for pods with the new logins."""

    async def reached() -> bool:
        live = await shop.client.get(DEPLOYMENT, shop.namespace, NAME)
        told = live["spec"]["template"]["metadata"].get("annotations") or {}
        return bool(told.get(RENEWED_ANNOTATION) == at)

    await eventually(reached)


async def roll_out(shop: Shop) -> None:
    """Wait until pods are to get new logins, and report that they run.

    The phase is told just before the pod template asks for them.
    """
    found = await phase(shop, "RollingOut")
    await is_told(shop, found["requestedAt"])
    await observe(shop, NAME)


async def running(shop: Shop, **more: Any) -> None:
    """Declare the service and wait until its pods run."""
    await shop.start()
    await shop.provision(NAME, **more)
    await shop.settled(NAME)
    await observe(shop, NAME)
    await shop.reason(NAME, "WorkloadReady", "Available")


@contextlib.asynccontextmanager
async def logging_in(check: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Log in again and again, as pods do; fail with what was refused."""
    stop, failures = asyncio.Event(), []

    async def again() -> None:
        while not stop.is_set():
            try:
                await check()
            except (*REFUSED, OperationFailure) as error:
                failures.append(error)
                return
            await asyncio.sleep(0.1)

    task = asyncio.create_task(again())
    try:
        yield
    finally:
        stop.set()
        await task
    assert failures == []


def cut_at(patch: pytest.MonkeyPatch, where: Any, what: Any, *, after: bool) -> asyncio.Event:
    """Have everything fail from one call on, as if the process ended there; return when it has."""
    cut, calls = asyncio.Event(), 0
    method = "write" if isinstance(what, int) else what
    original, write = getattr(where, method), WriteGate.write

    async def ends(self: Any, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if isinstance(what, int) and calls <= what and not cut.is_set():
            return await original(self, *arguments)
        if after and not cut.is_set():
            await original(self, *arguments)
        elif method == "write":
            arguments[0].close()
        cut.set()
        raise RuntimeError("the process ended")

    async def writes_not(self: Any, request: Any) -> Any:
        if cut.is_set():
            request.close()
            raise RuntimeError("the process ended")
        return await write(self, request)

    patch.setattr(WriteGate, "write", writes_not)
    patch.setattr(where, method, ends)
    return cut
