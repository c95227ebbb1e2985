"""A user of its own for each service in a real Redis and RabbitMQ: what it reaches, and no more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import aio_pika
import httpx
import pytest
from aio_pika.abc import AbstractConnection
from aiormq.exceptions import AMQPError, ChannelAccessRefused, ProbableAuthenticationError
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, ResponseError
from shop_servers.servers import RabbitMQ
from shop_servers.servers import Redis as RedisServer

from shop_operator.api.kinds import DEPLOYMENT, SECRET
from shop_operator.children.access_secret import RENEWED_ANNOTATION, decode, encode

from .outside import deleted, external
from .shop import Shop, eventually

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
    connection = await aio_pika.connect(
        host=at.hostname or "",
        port=at.port or 0,
        login=login.username or "",
        password=unquote(login.password or ""),
    )
    async with connection:
        yield connection


async def ask(client: Redis, *words: str) -> Any:
    """Send a command to Redis as it is."""
    answer: Any = client.execute_command(*words)  # type: ignore[no-untyped-call]
    return await answer


async def ready(shop: Shop, *services: str) -> None:
    """Wait until the users of services are there."""
    for service in services:
        await shop.reason(service, "SecretsReady", "Available")


async def test_a_service_reaches_its_own_keys_and_what_it_may_read(
    shop: Shop, redis: RedisServer
) -> None:
    await shop.start()
    await shop.declare("auth", cache=CACHE)
    await shop.declare("edge", cache={**CACHE, "reads": ["auth:revoked:*"]})
    await ready(shop, "auth", "edge")
    async with cache(shop, "auth", redis) as auth, cache(shop, "edge", redis) as edge:
        await auth.set("auth:session:1", "secret", ex=60)
        await auth.set("auth:revoked:1", "1", ex=60)
        await edge.set("edge:limit", "1", ex=60)
        assert await auth.eval("return redis.call('GET', KEYS[1])", 1, "auth:session:1") == "secret"
        assert await edge.exists("auth:revoked:1") == 1
        reading = "return redis.call('GET', KEYS[1])"
        for client, words in (
            (edge, ["GET", "auth:session:1"]),
            (edge, ["DEL", "auth:revoked:1"]),
            (edge, ["SET", "auth:revoked:2", "1"]),
            (edge, ["EVAL", reading, "1", "auth:session:1"]),
            (edge, ["EVAL", "return redis.call('GET', 'auth:session:1')", "0"]),
            (edge, ["COPY", "auth:revoked:1", "auth:session:2"]),
            (auth, ["GET", "edge:limit"]),
            (edge, ["KEYS", "*"]),
            (edge, ["SCAN", "0"]),
            (edge, ["RANDOMKEY"]),
            (edge, ["FLUSHDB"]),
            (edge, ["ACL", "LIST"]),
            (edge, ["CONFIG", "GET", "*"]),
            (edge, ["PUBLISH", "auth:news", "x"]),
        ):
            with pytest.raises(ResponseError, match=r"permission|can't access"):
                await ask(client, *words)


async def test_a_service_reaches_its_own_queues_only(shop: Shop, rabbitmq: RabbitMQ) -> None:
    await shop.start()
    one, two = f"one-{shop.namespace}", f"two-{shop.namespace}"
    for name in (one, two):
        await shop.declare(name, queue=QUEUE)
    await ready(shop, one, two)
    async with queue(shop, one, rabbitmq) as mine, queue(shop, two, rabbitmq) as theirs:
        channel = await mine.channel()
        work = await channel.declare_queue(f"{one}.work", durable=True)
        await channel.default_exchange.publish(aio_pika.Message(b"mine"), routing_key=work.name)
        for deed in ("get", "declare", "delete", "purge", "bind", "exchange"):
            other = await theirs.channel()
            with pytest.raises(ChannelAccessRefused):
                await _do(other, deed, work.name)
        message = await work.get(timeout=5)
        assert message is not None
        assert message.body == b"mine"
        await message.ack()
        await work.delete()


async def _do(channel: Any, deed: str, name: str) -> None:
    """Try something with a queue."""
    match deed:
        case "get":
            await (await channel.get_queue(name, ensure=False)).get(timeout=5)
        case "declare":
            await channel.declare_queue(name, durable=True)
        case "delete":
            await channel.queue_delete(name)
        case "purge":
            await (await channel.get_queue(name, ensure=False)).purge()
        case "bind":
            await (await channel.get_queue(name, ensure=False)).bind("amq.topic", "#")
        case "exchange":
            await channel.declare_exchange(name)


@pytest.mark.parametrize(
    "rules",
    [
        ["~*"],
        ["+@all"],
        ["off"],
        [">known-to-another"],
        ["resetpass", ">other"],
        ["nopass"],
        ["&*"],
    ],
    ids=" ".join,
)
async def test_a_user_of_redis_that_was_changed_is_put_right(
    shop: Shop, redis: RedisServer, rules: list[str]
) -> None:
    await shop.start()
    await shop.declare("auth", cache=CACHE)
    await ready(shop, "auth")
    await shop.stop()
    user = f"{shop.namespace}-auth"
    async with Redis.from_url(redis.url, decode_responses=True) as admin:
        before = await ask(admin, "ACL GETUSER", user)
        await ask(admin, "ACL SETUSER", user, *rules)
        assert await ask(admin, "ACL GETUSER", user) != before
        await shop.start()

        async def restored() -> bool:
            return bool(await ask(admin, "ACL GETUSER", user) == before)

        await eventually(restored)
    async with cache(shop, "auth", redis) as auth:
        assert await auth.set("auth:again", "1", ex=10)


async def test_users_that_were_deleted_are_made_again_with_the_same_password(
    shop: Shop, redis: RedisServer, rabbitmq: RabbitMQ
) -> None:
    await shop.start()
    await shop.declare("both", cache=CACHE, queue=QUEUE)
    await ready(shop, "both")
    before = [await url(shop, "both", file) for file in ("redis_url", "rabbitmq_url")]
    await shop.stop()
    user = f"{shop.namespace}-both"
    async with Redis.from_url(redis.url) as admin:
        await admin.acl_deluser(user)
    await _rabbit(rabbitmq, "DELETE", f"users/{user}")
    with pytest.raises(AuthenticationError):
        async with cache(shop, "both", redis) as lost:
            await lost.ping()
    await shop.start()

    async def again() -> bool:
        try:
            async with cache(shop, "both", redis) as found, queue(shop, "both", rabbitmq):
                return bool(await found.ping())
        except (AuthenticationError, AMQPError):
            return False

    await eventually(again)
    assert [await url(shop, "both", file) for file in ("redis_url", "rabbitmq_url")] == before
    pods = await shop.client.get(DEPLOYMENT, shop.namespace, "both")
    annotations = pods["spec"]["template"]["metadata"].get("annotations", {})
    assert RENEWED_ANNOTATION not in annotations


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("users/{user}", {"password": "another", "tags": "{mark}"}),
        ("users/{user}", {"password_hash": "", "tags": "{mark}"}),
        ("users/{user}", {"password_hash": "{hash}", "tags": "administrator"}),
        ("permissions/%2F/{user}", {"configure": ".*", "write": ".*", "read": ".*"}),
        ("permissions/%2F/{user}", {"configure": "", "write": "", "read": ""}),
    ],
)
async def test_a_user_of_rabbitmq_that_was_changed_is_put_right(
    shop: Shop, rabbitmq: RabbitMQ, path: str, body: dict[str, str]
) -> None:
    await shop.start()
    await shop.declare("mail", queue=QUEUE)
    await ready(shop, "mail")
    await shop.stop()
    user = f"{shop.namespace}-mail"
    mark = f"minishop.dev/owner={shop.namespace}/mail"
    before = await _rabbit_user(rabbitmq, user)
    known = before[0]["password_hash"]
    words = {k: v.replace("{mark}", mark).replace("{hash}", known) for k, v in body.items()}
    await _rabbit(rabbitmq, "PUT", path.format(user=user), words)
    assert await _rabbit_user(rabbitmq, user) != before
    await shop.start()

    async def restored() -> bool:
        now = await _rabbit_user(rabbitmq, user)
        try:
            async with queue(shop, "mail", rabbitmq):
                return now[1] == before[1] and now[0]["tags"] == before[0]["tags"]
        except ProbableAuthenticationError:
            return False

    await eventually(restored)


async def test_another_virtual_host_is_taken_from_a_user(shop: Shop, rabbitmq: RabbitMQ) -> None:
    vhost = f"t-{shop.namespace}"
    await _rabbit(rabbitmq, "PUT", f"vhosts/{vhost}")
    try:
        await shop.start()
        await shop.declare("mail", queue=QUEUE)
        await ready(shop, "mail")
        await shop.stop()
        user = f"{shop.namespace}-mail"
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        await _rabbit(rabbitmq, "PUT", f"permissions/{vhost}/{user}", everything)
        await shop.start()

        async def taken() -> bool:
            entries = (await _rabbit_user(rabbitmq, user))[1]
            return [entry["vhost"] for entry in entries] == ["/"]

        await eventually(taken)
    finally:
        await _rabbit(rabbitmq, "DELETE", f"vhosts/{vhost}")


async def test_users_of_others_are_left_alone(
    shop: Shop, redis: RedisServer, rabbitmq: RabbitMQ
) -> None:
    user = f"{shop.namespace}-both"
    async with Redis.from_url(redis.url, decode_responses=True) as admin:
        await ask(admin, "ACL SETUSER", user, "on", ">theirs", "~*", "+@all")
        theirs = await ask(admin, "ACL GETUSER", user)
        await shop.start()
        await shop.declare("both", cache=CACHE, queue=QUEUE)
        message = await shop.reason("both", "SecretsReady", "NotOwned")
        assert "CacheUser" in message
        assert await shop.get(SECRET, "both-access") is None
        await deleted(shop, "both")
        assert await ask(admin, "ACL GETUSER", user) == theirs
        await admin.acl_deluser(user)
    await _rabbit(rabbitmq, "PUT", f"users/{user}", {"password": "theirs", "tags": ""})
    before = await _rabbit_user(rabbitmq, user)
    await shop.declare("both", queue=QUEUE)
    message = await shop.reason("both", "SecretsReady", "NotOwned")
    assert "QueueUser" in message
    await deleted(shop, "both")
    assert await _rabbit_user(rabbitmq, user) == before


async def test_a_deleted_service_takes_its_users_along(
    shop: Shop, redis: RedisServer, rabbitmq: RabbitMQ
) -> None:
    await shop.start()
    await shop.declare("both", cache=CACHE, queue=QUEUE)
    await shop.declare("stays", cache=CACHE, queue=QUEUE)
    await ready(shop, "both", "stays")
    user = f"{shop.namespace}-both"
    made = set(await external(shop, "both"))
    assert {("CacheUser", user), ("QueueUser", user)} <= made
    await deleted(shop, "both")
    async with Redis.from_url(redis.url, decode_responses=True) as admin:
        users = await admin.acl_users()
    assert user not in users
    assert f"{shop.namespace}-stays" in users
    assert await _rabbit_user(rabbitmq, user) == ({}, [])
    assert (await _rabbit_user(rabbitmq, f"{shop.namespace}-stays"))[0]


async def test_the_login_that_all_shared_is_replaced_and_the_pods_with_it(shop: Shop) -> None:
    await shop.start()
    await shop.declare("auth", cache=CACHE)
    await ready(shop, "auth")
    await shop.stop()
    shared = {"redis_url": encode("redis://default:shared@redis:6379/0")}
    await shop.client.merge(SECRET, shop.namespace, "auth-access", {"data": shared})
    await shop.start()

    async def replaced() -> bool:
        pods = await shop.client.get(DEPLOYMENT, shop.namespace, "auth")
        annotations = pods["spec"]["template"]["metadata"].get("annotations") or {}
        own = f"//{shop.namespace}-auth:" in await url(shop, "auth", "redis_url")
        return own and RENEWED_ANNOTATION in annotations

    await eventually(replaced)


async def test_observe_finds_what_is_there_and_says_what_differs(
    shop: Shop, redis: RedisServer
) -> None:
    spec: dict[str, Any] = {"cache": CACHE, "queue": QUEUE}
    await shop.start()
    await shop.declare("both", **spec)
    await ready(shop, "both")
    await shop.stop()
    await shop.declare("both", **spec, managementPolicy="Observe")
    await shop.start()
    await shop.settled("both")
    await ready(shop, "both")
    await shop.stop()
    async with Redis.from_url(redis.url) as admin:
        await ask(admin, "ACL SETUSER", f"{shop.namespace}-both", "&*")
        await shop.start()
        message = await shop.reason("both", "SecretsReady", "Differs")
        assert "CacheUser" in message
        await shop.stop()
        await admin.acl_deluser(f"{shop.namespace}-both")
    await shop.start()
    await shop.reason("both", "SecretsReady", "Missing")


async def test_stores_out_of_reach_are_said_and_recover(shop: Shop, closed_port: int) -> None:
    at = shop.platform.redis_admin_address
    await shop.start(redis_admin_address=f"127.0.0.1:{closed_port}")
    await shop.declare("auth", cache=CACHE)
    message = await shop.reason("auth", "SecretsReady", "Unreachable")
    assert str(closed_port) in message
    await shop.stop()
    management = shop.platform.rabbitmq_management_url
    await shop.start(
        redis_admin_address=at, rabbitmq_management_url=f"http://127.0.0.1:{closed_port}"
    )
    await ready(shop, "auth")
    await shop.declare("mail", queue=QUEUE)
    assert str(closed_port) in await shop.reason("mail", "SecretsReady", "Unreachable")
    await shop.stop()
    await shop.start(rabbitmq_management_url=management)
    await ready(shop, "mail")


async def test_a_wrong_administrator_is_said(shop: Shop) -> None:
    await shop.secret("redis-auth", "default", "wrong")
    await shop.secret("rabbitmq-auth", "guest", "wrong")
    await shop.start()
    await shop.declare("auth", cache=CACHE)
    await shop.declare("mail", queue=QUEUE)
    for service in ("auth", "mail"):
        await shop.reason(service, "SecretsReady", "AccessDenied")


async def _rabbit(
    server: RabbitMQ, method: str, path: str, body: dict[str, str] | None = None
) -> httpx.Response:
    """Ask the management API as its administrator."""
    at = urlsplit(server.url)
    login = at.username or "", at.password or ""
    async with httpx.AsyncClient(auth=login) as client:
        return await client.request(method, f"{server.management_url}/api/{path}", json=body)


async def _rabbit_user(server: RabbitMQ, user: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a user, empty without one, and its permissions."""
    found = await _rabbit(server, "GET", f"users/{user}")
    if found.status_code == httpx.codes.NOT_FOUND:
        return {}, []
    return found.json(), (await _rabbit(server, "GET", f"users/{user}/permissions")).json()
