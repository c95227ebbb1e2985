"""New logins in real stores; the old ones open doors until their pods are gone, then no more."""

import asyncio
from functools import partial
from urllib.parse import SplitResult, urlsplit

import asyncpg
import pytest
from shop_servers.servers import Postgres

from shop_operator.api.kinds import KAFKA_CONNECTOR, SECRET
from shop_operator.metadata import ROTATED_ANNOTATION

from .outside import Sql, deleted, external, has_event, status
from .rotations import NAME, Stores, is_told, logging_in, phase, request, running, spec, urls_of
from .shop import Shop, eventually
from .workloads import observe


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


async def test_a_secret_whose_time_somebody_overwrote_has_it_again(sql: Shop, name: str) -> None:
    await running(sql, **spec(name))
    await request(sql, "2030-01-01T00:00:01Z")
    await is_told(sql, "2030-01-01T00:00:01Z")
    await observe(sql, NAME)
    await phase(sql, "Complete", "2030-01-01T00:00:01Z")
    before = await urls_of(sql)
    place = SECRET, sql.namespace, f"{NAME}-access"
    patch = {"metadata": {"annotations": {ROTATED_ANNOTATION: "soon"}}}
    await sql.client.merge(*place, patch, manager="somebody")

    async def healed() -> bool:
        annotations = (await sql.client.get(*place))["metadata"]["annotations"]
        return bool(annotations[ROTATED_ANNOTATION] == "2030-01-01T00:00:01Z")

    await eventually(healed)
    await sql.settled(NAME)
    assert await urls_of(sql) == before
    assert (await status(sql, NAME))["rotation"]["requestedAt"] == "2030-01-01T00:00:01Z"


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


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "2030-01-01T00:00:00",
        "2030-13-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59Z",
    ],
)
async def test_a_request_that_is_no_time_is_refused_and_said(sql: Shop, text: str) -> None:
    await running(sql, cache={"kind": "redis"})
    before = await urls_of(sql)
    await request(sql, text)
    found = await phase(sql, "Refused")
    assert text in found["message"]
    assert await urls_of(sql) == before
    await eventually(partial(has_event, sql, "RotationRefused"))
