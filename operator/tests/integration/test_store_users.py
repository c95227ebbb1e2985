"""A user of its own for each service in a real Redis and RabbitMQ: what it reaches, and no more."""

from typing import Any

import aio_pika
import pytest
from aiormq.exceptions import ChannelAccessRefused
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from shop_servers.servers import RabbitMQ
from shop_servers.servers import Redis as RedisServer

from shop_operator.api.kinds import DEPLOYMENT, SECRET
from shop_operator.children.access_secret import RENEWED_ANNOTATION, encode

from .outside import deleted, external
from .shop import Shop, eventually
from .store_users import CACHE, QUEUE, ask, cache, queue, rabbit, rabbit_user, ready, url


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
            (edge, ["CLIENT", "TRACKING", "ON", "BCAST"]),
            (edge, ["PUBSUB", "CHANNELS"]),
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
        message = await work.get(timeout=60)
        assert message is not None
        assert message.body == b"mine"
        await message.ack()
        await work.delete()


async def _do(channel: Any, deed: str, name: str) -> None:
    """Try something with a queue."""
    match deed:
        case "get":
            await (await channel.get_queue(name, ensure=False)).get(timeout=60)
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
    await rabbit(rabbitmq, "PUT", f"users/{user}", {"password": "theirs", "tags": ""})
    before = await rabbit_user(rabbitmq, user)
    await shop.declare("both", queue=QUEUE)
    message = await shop.reason("both", "SecretsReady", "NotOwned")
    assert "QueueUser" in message
    await deleted(shop, "both")
    assert await rabbit_user(rabbitmq, user) == before


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
    assert await rabbit_user(rabbitmq, user) == ({}, [])
    assert (await rabbit_user(rabbitmq, f"{shop.namespace}-stays"))[0]


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
