"""`kubectl shop rotate`."""

import asyncio
from functools import partial
from typing import Any

import pytest

from shop_operator.api.kinds import SHOP_SERVICE
from shop_operator.spec import ROTATE_ANNOTATION

from .command import kubectl_shop, told
from .outside import has_event
from .rotations import NAME, Stores, is_told, phase, roll_out, running, spec, urls_of
from .shop import Shop, eventually
from .workloads import observe


async def test_the_command_tells_each_step(sql: Shop, stores: Stores, name: str) -> None:
    await running(sql, **spec(name))
    first = await urls_of(sql)
    words = ("rotate", "-n", sql.namespace, NAME)
    asked = await asyncio.to_thread(kubectl_shop, *words, "--no-wait", shop=sql)
    assert asked.returncode == 0, asked.stderr
    assert "status" in asked.stdout
    first_at = (await phase(sql, "RollingOut"))["requestedAt"]
    late = await asyncio.to_thread(kubectl_shop, *words, "--timeout", "1", shop=sql)
    assert late.returncode == 1
    assert "not complete after 1 s" in late.stdout
    await phase(sql, "Pending")
    shown = await asyncio.to_thread(kubectl_shop, "status", "-n", sql.namespace, NAME, shop=sql)
    assert "rotation of logins: Pending" in shown.stdout
    await is_told(sql, first_at)
    await observe(sql, NAME)
    await roll_out(sql)
    await phase(sql, "Complete")
    steps = []
    async for line in told(*words, shop=sql):
        steps.append(line.split(":")[0])
        if steps[-1] == "RollingOut":
            await roll_out(sql)
    assert steps[-2:] == ["RollingOut", "Complete"]
    assert await stores.refuse(first)
    for reason in ("RotationRollingOut", "RotationComplete"):
        await eventually(partial(has_event, sql, reason))


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


@pytest.mark.parametrize("text", ["soon", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00"])
async def test_a_request_replaces_one_that_is_no_time_to_follow(shop: Shop, text: str) -> None:
    await shop.declare(NAME, cache={"kind": "redis"})
    patch = {"metadata": {"annotations": {ROTATE_ANNOTATION: text}}}
    await shop.client.merge(SHOP_SERVICE, shop.namespace, NAME, patch)
    words = ("rotate", "-n", shop.namespace, NAME, "--no-wait")
    done = await asyncio.to_thread(kubectl_shop, *words, shop=shop)
    assert done.returncode == 0, done.stderr
    body = await shop.client.get(SHOP_SERVICE, shop.namespace, NAME)
    assert body["metadata"]["annotations"][ROTATE_ANNOTATION] < "9999"


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
