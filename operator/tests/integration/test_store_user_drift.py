"""Users in Redis and RabbitMQ that somebody changed or deleted are put right."""

import pytest
from aiormq.exceptions import AMQPError, ProbableAuthenticationError
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError
from shop_servers.servers import RabbitMQ
from shop_servers.servers import Redis as RedisServer

from shop_operator.api.kinds import DEPLOYMENT
from shop_operator.children.access_secret import RENEWED_ANNOTATION

from .shop import Shop, eventually
from .store_users import CACHE, QUEUE, ask, cache, queue, rabbit, rabbit_user, ready, url


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
    await rabbit(rabbitmq, "DELETE", f"users/{user}")
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
    before = await rabbit_user(rabbitmq, user)
    known = before[0]["password_hash"]
    words = {k: v.replace("{mark}", mark).replace("{hash}", known) for k, v in body.items()}
    await rabbit(rabbitmq, "PUT", path.format(user=user), words)
    assert await rabbit_user(rabbitmq, user) != before
    await shop.start()

    async def restored() -> bool:
        now = await rabbit_user(rabbitmq, user)
        try:
            async with queue(shop, "mail", rabbitmq):
                return now[1] == before[1] and now[0]["tags"] == before[0]["tags"]
        except ProbableAuthenticationError:
            return False

    await eventually(restored)


async def test_another_virtual_host_is_taken_from_a_user(shop: Shop, rabbitmq: RabbitMQ) -> None:
    vhost = f"t-{shop.namespace}"
    await rabbit(rabbitmq, "PUT", f"vhosts/{vhost}")
    try:
        await shop.start()
        await shop.declare("mail", queue=QUEUE)
        await ready(shop, "mail")
        await shop.stop()
        user = f"{shop.namespace}-mail"
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        await rabbit(rabbitmq, "PUT", f"permissions/{vhost}/{user}", everything)
        await shop.start()

        async def taken() -> bool:
            entries = (await rabbit_user(rabbitmq, user))[1]
            return [entry["vhost"] for entry in entries] == ["/"]

        await eventually(taken)
    finally:
        await rabbit(rabbitmq, "DELETE", f"vhosts/{vhost}")
