"""New logins in real stores; the old ones open doors until their pods are gone, then no more."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import aio_pika
import asyncpg
import pytest
from aiormq.exceptions import AMQPError
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError
from shop_servers.servers import MongoDB, Postgres, RabbitMQ
from shop_servers.servers import Redis as RedisServer

from shop_operator.api.kinds import DEPLOYMENT, EVENT, KAFKA_CONNECTOR, SECRET, SHOP_SERVICE
from shop_operator.api.write_gate import WriteGate
from shop_operator.children.access_secret import RENEWED_ANNOTATION, decode
from shop_operator.spec import ROTATE_ANNOTATION
from shop_operator.stores.mongodb.database import User
from shop_operator.stores.postgres.database import Database, Role
from shop_operator.stores.postgres.member_role import MemberRole
from shop_operator.stores.rabbitmq.user import QueueUser
from shop_operator.stores.redis.user import CacheUser

from .command import kubectl_shop
from .outside import Sql, deleted, external, mongo, status
from .shop import Shop, eventually
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
                async with await aio_pika.connect(host=host, port=port, login=user, password=word):
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


@pytest.fixture
def stores(postgres: Postgres, redis: RedisServer, rabbitmq: RabbitMQ) -> Stores:
    return Stores(postgres, redis, rabbitmq)


async def urls_of(shop: Shop) -> dict[str, SplitResult]:
    """Return the addresses in the service's Secret."""
    secret = await shop.client.get(SECRET, shop.namespace, f"{NAME}-access")
    return {name: urlsplit(decode(data)) for name, data in secret["data"].items()}


async def request(shop: Shop, at: str) -> None:
    """Ask for a rotation as the command does."""
    patch = {"metadata": {"annotations": {ROTATE_ANNOTATION: at}}}
    await shop.client.merge(SHOP_SERVICE, shop.namespace, NAME, patch)


async def phase(shop: Shop, wanted: str, at: str | None = None, *, seconds: float = 30) -> Any:
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


async def running(shop: Shop, **more: Any) -> None:
    """Declare the service and wait until its pods run."""
    await shop.start()
    await shop.declare(NAME, **more)
    await shop.reason(NAME, "SecretsReady", "Available")
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


async def test_old_logins_open_until_their_pods_are_gone_and_then_no_more(
    sql: Shop, postgres: Postgres, stores: Stores, name: str
) -> None:
    await running(sql, **spec(name), events={"outbox": {}})
    await Sql(postgres).migrate(sql, NAME, name)
    first = await urls_of(sql)
    capture = await sql.client.get(SECRET, sql.namespace, f"{NAME}-outbox")
    before = set(await external(sql, NAME))
    times = "2030-01-01T00:00:01Z", "2030-01-01T00:00:02Z"
    async with logging_in(lambda: stores.open(first)):
        await request(sql, times[0])
        await is_told(sql, times[0])
        second = await urls_of(sql)
        await stores.open(second)
        for file, url in second.items():
            assert url.username == f"{first[file].username}_alt"
            assert url.password != first[file].password
        await phase(sql, "RollingOut", times[0])
        owner = await asyncpg.connect(_at(postgres, second["database_url"]))
        await owner.execute("CREATE TABLE made (id int)")
        await owner.close()
        await asyncio.sleep(1.5)  # a reconcile or more: nothing is released meanwhile
        assert (await sql.condition(NAME, "WorkloadReady"))["status"] == "False"
    await observe(sql, NAME)
    done = await phase(sql, "Complete", times[0])
    assert done["completedAt"]
    assert await stores.refuse(first)
    await stores.open(second)
    now = await sql.client.get(SECRET, sql.namespace, f"{NAME}-outbox")
    assert now["data"]["password"] != capture["data"]["password"]
    await (await Sql(postgres).capture(sql, NAME, name)).close()

    async with logging_in(lambda: stores.open(second)):
        await request(sql, times[1])
        await is_told(sql, times[1])
        third = await urls_of(sql)
        await stores.open(third)
        owner = await asyncpg.connect(_at(postgres, third["database_url"]))
        assert await owner.fetchval("SELECT count(*) FROM made") == 0
        await owner.execute("DROP TABLE made")
        await owner.close()
    await observe(sql, NAME)
    await phase(sql, "Complete", times[1])
    assert {f: u.username for f, u in third.items()} == {f: u.username for f, u in first.items()}
    assert await stores.refuse(second)
    await stores.open(third)
    assert set(await external(sql, NAME)) - {("KafkaConnector", f"{NAME}-outbox")} <= before
    await deleted(sql, NAME)
    assert await Sql(postgres).all_named(name) == set()


async def test_the_connector_reads_the_new_password(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    await running(sql, **spec(name), events={"outbox": {}})
    await Sql(postgres).migrate(sql, NAME, name)
    place = sql.platform.kafka_namespace, f"{NAME}-outbox"

    async def marked() -> str:
        found = await sql.get(KAFKA_CONNECTOR, place[1], place[0]) or {"spec": {"config": {}}}
        return str(found["spec"]["config"].get("minishop.password.rotated", ""))

    assert await marked() == ""
    await request(sql, "2030-01-01T00:00:01Z")

    async def told() -> bool:
        return await marked() == "2030-01-01T00:00:01Z"

    await eventually(told)
    await (await Sql(postgres).capture(sql, NAME, name)).close()


def _at(postgres: Postgres, url: SplitResult) -> str:
    at = urlsplit(postgres.url)
    return f"postgresql://{url.username}:{url.password}@{at.hostname}:{at.port}{url.path}"


async def test_a_request_while_pods_are_replaced_waits_for_its_turn(
    sql: Shop, stores: Stores, name: str
) -> None:
    await running(sql, **spec(name))
    first = await urls_of(sql)
    await request(sql, "2030-01-01T00:00:01Z")
    await is_told(sql, "2030-01-01T00:00:01Z")
    second = await urls_of(sql)
    await request(sql, "2030-01-01T00:00:02Z")
    await phase(sql, "Pending", "2030-01-01T00:00:02Z")
    await stores.open(first)
    assert await urls_of(sql) == second
    await observe(sql, NAME)
    await is_told(sql, "2030-01-01T00:00:02Z")
    await stores.open(second)
    await observe(sql, NAME)
    await phase(sql, "Complete", "2030-01-01T00:00:02Z")
    assert await stores.refuse(first)
    assert await stores.refuse(second)


async def test_an_older_request_changes_nothing(sql: Shop, name: str) -> None:
    await running(sql, **spec(name))
    await request(sql, "2030-01-01T00:00:02Z")
    await is_told(sql, "2030-01-01T00:00:02Z")
    await observe(sql, NAME)
    await phase(sql, "Complete", "2030-01-01T00:00:02Z")
    before = await urls_of(sql)
    await request(sql, "2030-01-01T00:00:01+00:00")
    await sql.stop()
    await sql.start()
    await sql.declare(NAME, **spec(name), slo={"availability": "99.9"})
    await sql.settled(NAME)
    assert await urls_of(sql) == before
    assert (await status(sql, NAME))["rotation"]["phase"] == "Complete"


@pytest.mark.parametrize("text", ["soon", "2030-01-01T00:00:00", "2030-13-01T00:00:00Z"])
async def test_a_request_that_is_no_time_is_refused_and_said(sql: Shop, text: str) -> None:
    await running(sql, cache={"kind": "redis"})
    before = await urls_of(sql)
    await request(sql, text)
    found = await phase(sql, "Refused")
    assert text in found["message"]
    assert await urls_of(sql) == before
    events = await sql.client.list(EVENT, sql.namespace)
    assert "RotationRefused" in {event["reason"] for event in events["items"]}


CRASHES = [
    (MemberRole, "ensure"),
    (Database, "ensure"),
    (CacheUser, "ensure"),
    (QueueUser, "ensure"),
    *[(WriteGate, number) for number in range(6)],
]


@pytest.mark.parametrize(
    ("where", "what"), CRASHES, ids=lambda part: getattr(part, "__name__", str(part))
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_an_operator_that_ends_in_the_middle_is_followed_by_one_that_completes(  # noqa: PLR0913
    sql: Shop, stores: Stores, name: str, where: Any, what: Any, *, after: bool
) -> None:
    """Each step is cut, just before it or just after; the pods of before never notice."""
    await running(sql, **spec(name))
    first = await urls_of(sql)
    await sql.stop()
    at = "2030-01-01T00:00:01Z"
    await request(sql, at)
    async with logging_in(lambda: stores.open(first)):
        with pytest.MonkeyPatch.context() as patch:
            cut = _cut(patch, where, what, after=after)
            await sql.start()
            await asyncio.wait_for(cut.wait(), 20)
            await sql.stop()
        await stores.open(await urls_of(sql))
        await sql.start()
        await is_told(sql, at)
        second = await urls_of(sql)
        await stores.open(second)
    await observe(sql, NAME)
    await phase(sql, "Complete", at)
    assert await stores.refuse(first)
    await stores.open(second)


ENDS = [
    (Role, "ensure"),
    (MemberRole, "release"),
    (CacheUser, "release"),
    (QueueUser, "release"),
    (WriteGate, 0),
]


@pytest.mark.parametrize(
    ("where", "what"), ENDS, ids=lambda part: getattr(part, "__name__", str(part))
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_an_operator_that_ends_while_it_takes_old_logins_away_is_followed_by_one_that_does(  # noqa: PLR0913
    sql: Shop, stores: Stores, name: str, where: Any, what: Any, *, after: bool
) -> None:
    await running(sql, **spec(name))
    times = ["2030-01-01T00:00:01Z", "2030-01-01T00:00:02Z"]
    for at in times if where is MemberRole else times[:1]:
        first = await urls_of(sql)
        await request(sql, at)
        await is_told(sql, at)
        if at == times[-1] or where is not MemberRole:
            break
        await observe(sql, NAME)
        await phase(sql, "Complete", at)
    second = await urls_of(sql)
    async with logging_in(lambda: stores.open(second)):
        with pytest.MonkeyPatch.context() as patch:
            cut = _cut(patch, where, what, after=after)
            await observe(sql, NAME)
            await asyncio.wait_for(cut.wait(), 20)
            await sql.stop()
        await sql.start()
        await phase(sql, "Complete", at)
    assert await urls_of(sql) == second
    assert await stores.refuse(first)


def _cut(patch: pytest.MonkeyPatch, where: Any, what: Any, *, after: bool) -> asyncio.Event:
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


async def test_a_store_that_is_away_delays_it_and_the_old_logins_go_on(
    sql: Shop, stores: Stores, name: str, closed_port: int
) -> None:
    await running(sql, **spec(name))
    first = await urls_of(sql)
    await sql.stop()
    await sql.start(rabbitmq_management_url=f"http://127.0.0.1:{closed_port}")
    await request(sql, "2030-01-01T00:00:01Z")
    found = await phase(sql, "Pending")
    assert str(closed_port) in found["message"]
    assert await urls_of(sql) == first
    await stores.open(first)
    await sql.stop()
    await sql.start()
    await is_told(sql, "2030-01-01T00:00:01Z")
    await stores.open(await urls_of(sql))


async def test_a_secret_deleted_after_a_rotation_is_made_again_as_it_was(
    sql: Shop, stores: Stores, name: str
) -> None:
    await running(sql, **spec(name))
    await request(sql, "2030-01-01T00:00:01Z")
    await is_told(sql, "2030-01-01T00:00:01Z")
    await observe(sql, NAME)
    await phase(sql, "Complete")
    before = await sql.client.get(SECRET, sql.namespace, f"{NAME}-access")
    uid = before["metadata"]["uid"]
    await sql.client.delete(SECRET, sql.namespace, f"{NAME}-access", uid=uid)

    async def again() -> bool:
        live = await sql.get(SECRET, f"{NAME}-access")
        return live is not None and live["metadata"]["uid"] != uid

    await eventually(again)
    now = await sql.client.get(SECRET, sql.namespace, f"{NAME}-access")
    assert now["data"] == before["data"]
    await stores.open(await urls_of(sql))


class Documents:
    """A login of MongoDB, as the Secret says."""

    def __init__(self, server: MongoDB) -> None:
        self._host, _, self._port = server.server.rpartition(":")

    async def open(self, url: SplitResult) -> None:
        """Log in and write. Raises OperationFailure if the server refuses."""
        database = url.path.strip("/")
        async with AsyncMongoClient[dict[str, Any]](
            self._host,
            int(self._port),
            username=url.username,
            password=unquote(url.password or ""),
            authSource=database,
            directConnection=True,
        ) as client:
            await client[database]["things"].insert_one({"a": 1})


@pytest.mark.parametrize("after", [None, False, True], ids=["whole", "before", "after"])
async def test_mongodb_has_two_logins_in_turn(
    documents: Shop, mongodb: MongoDB, *, after: bool | None
) -> None:
    name, login = f"r{documents.namespace}", Documents(mongodb)
    await running(documents, database={"kind": "mongodb", "name": name, "onDelete": "Drop"})
    first = (await urls_of(documents))["database_url"]
    await login.open(first)
    at = "2030-01-01T00:00:01Z"
    async with logging_in(lambda: login.open(first)):
        if after is not None:
            await documents.stop()
            with pytest.MonkeyPatch.context() as patch:
                cut = _cut(patch, User, "ensure", after=after)
                await request(documents, at)
                await documents.start()
                await asyncio.wait_for(cut.wait(), 20)
                await documents.stop()
            await documents.start()
        await request(documents, at)
        await is_told(documents, at)
        second = (await urls_of(documents))["database_url"]
        await login.open(second)
    await observe(documents, NAME)
    await phase(documents, "Complete", at)
    with pytest.raises(OperationFailure):
        await login.open(first)
    async with mongo(mongodb) as admin:
        users = (await admin[name].command("usersInfo"))["users"]
    assert {user["user"]: bool(user["roles"]) for user in users} == {
        name: False,
        f"{name}_alt": True,
    }
    await request(documents, "2030-01-01T00:00:02Z")
    await is_told(documents, "2030-01-01T00:00:02Z")
    third = (await urls_of(documents))["database_url"]
    assert third.username == name
    await login.open(third)
    await login.open(second)
    await observe(documents, NAME)
    await phase(documents, "Complete", "2030-01-01T00:00:02Z")
    with pytest.raises(OperationFailure):
        await login.open(second)
    await deleted(documents, NAME)
    async with mongo(mongodb) as admin:
        assert (await admin[name].command("usersInfo"))["users"] == []


async def test_the_command_tells_each_step(sql: Shop, stores: Stores, name: str) -> None:
    await running(sql, **spec(name))
    first = await urls_of(sql)
    words = ("rotate", "-n", sql.namespace, NAME)
    asked = await asyncio.to_thread(kubectl_shop, *words, "--no-wait", shop=sql)
    assert asked.returncode == 0, asked.stderr
    assert "status" in asked.stdout
    await phase(sql, "RollingOut")
    late = await asyncio.to_thread(kubectl_shop, *words, "--timeout", "1", shop=sql)
    assert late.returncode == 1
    assert "not complete after 1 s" in late.stdout
    assert (await status(sql, NAME))["rotation"]["phase"] == "Pending"
    shown = await asyncio.to_thread(kubectl_shop, "status", "-n", sql.namespace, NAME, shop=sql)
    assert "rotation of logins: Pending" in shown.stdout
    await observe(sql, NAME)
    await phase(sql, "RollingOut")
    await observe(sql, NAME)
    await phase(sql, "Complete")
    command = asyncio.create_task(asyncio.to_thread(kubectl_shop, *words, shop=sql))
    await phase(sql, "RollingOut")
    await asyncio.sleep(2)
    await observe(sql, NAME)
    done = await command
    assert done.returncode == 0, done.stdout
    steps = [line.split(":")[0] for line in done.stdout.splitlines()[1:]]
    assert steps[-2:] == ["RollingOut", "Complete"]
    assert await stores.refuse(first)
    events = await sql.client.list(EVENT, sql.namespace)
    reasons = {event["reason"] for event in events["items"]}
    assert {"RotationRollingOut", "RotationComplete"} <= reasons


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"cache": {"kind": "redis"}, "managementPolicy": "Paused"}, "kubectl shop resume"),
        ({"cache": {"kind": "redis"}, "managementPolicy": "Observe"}, "kubectl shop resume"),
        ({}, "no database, cache or queue"),
    ],
)
async def test_the_command_says_why_it_asks_for_nothing(
    shop: Shop, more: dict[str, Any], words: str
) -> None:
    await shop.declare(NAME, **more)
    done = await asyncio.to_thread(kubectl_shop, "rotate", "-n", shop.namespace, NAME, shop=shop)
    assert done.returncode == 2
    assert words in done.stderr
    body = await shop.client.get(SHOP_SERVICE, shop.namespace, NAME)
    assert ROTATE_ANNOTATION not in body["metadata"].get("annotations", {})


async def test_the_command_says_what_is_wrong_with_its_words(shop: Shop) -> None:
    missing = await asyncio.to_thread(
        kubectl_shop, "rotate", "-n", shop.namespace, "nobody", shop=shop
    )
    assert missing.returncode == 3
    assert "nobody" in missing.stderr
    for seconds in ("0", "-1", "inf", "nan", "x"):
        wrong = await asyncio.to_thread(kubectl_shop, "rotate", NAME, f"--timeout={seconds}")
        assert wrong.returncode == 2
        assert "--timeout" in wrong.stderr
    completed = kubectl_shop("rotate", "--", program="kubectl_complete-shop")
    assert "--no-wait" in completed.stdout
