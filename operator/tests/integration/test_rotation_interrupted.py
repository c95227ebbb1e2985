"""A rotation cut off by the operator's end, a store that is away, a Secret that is deleted."""

import asyncio
from typing import Any

import pytest

from shop_operator.api.kinds import SECRET
from shop_operator.api.write_gate import WriteGate
from shop_operator.stores.postgres.database import Database, Role
from shop_operator.stores.postgres.member_role import MemberRole
from shop_operator.stores.rabbitmq.user import QueueUser
from shop_operator.stores.redis.user import CacheUser

from .rotations import (
    NAME,
    Stores,
    cut_at,
    is_told,
    logging_in,
    phase,
    request,
    running,
    spec,
    urls_of,
)
from .shop import Shop, eventually
from .workloads import observe

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
            cut = cut_at(patch, where, what, after=after)
            await sql.start()
            await asyncio.wait_for(cut.wait(), 60)
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
            cut = cut_at(patch, where, what, after=after)
            await observe(sql, NAME)
            await asyncio.wait_for(cut.wait(), 60)
            await sql.stop()
        await sql.start()
        await phase(sql, "Complete", at)
    assert await urls_of(sql) == second
    assert await stores.refuse(first)


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
