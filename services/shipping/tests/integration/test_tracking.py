"""The public tracking page, with Redis and without."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from shop_shared.http.app_state import get_state, set_state
from shop_shared.server import Service
from shop_shipping.cache import Cache
from shop_shipping.state import ShippingState

pytestmark = pytest.mark.asyncio(loop_scope="module")
Story = Any  # the conftest's


@pytest.fixture
def use_cache(service: Service) -> Iterator[Callable[[Cache], None]]:
    usual = get_state(service.app, ShippingState)

    def use(cache: Cache) -> None:
        set_state(service.app, replace(usual, cache=cache))

    yield use
    set_state(service.app, usual)


async def test_anyone_follows_a_parcel_and_learns_nothing_of_its_customer(
    client: httpx.AsyncClient, story: Story
) -> None:
    await story.tell("confirmed")
    await story.work()
    shipment = await story.shipment()
    number = shipment["tracking_number"]
    assert shipment["order_number"] == "MS-7K3Q-9F25"
    assert {event["order_number"] for _, event in await story.said()} == {"MS-7K3Q-9F25"}
    answer = await client.get(f"/v1/track/{number.lower()}")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=5"
    assert answer.json()["status"] == "delivered"
    assert [step["status"] for step in answer.json()["progress"]][-1] == "delivered"
    for secret in (
        str(story.customer_id),
        str(story.order_id),
        "MS-7K3Q-9F25",
        "Ada Lovelace",
        "St James",
    ):
        assert secret not in answer.text


async def test_an_answer_is_kept_in_redis_for_a_moment(
    client: httpx.AsyncClient,
    story: Story,
    redis_client: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Cache, "patience_seconds", 60)  # else a busy machine's Redis is away
    await story.tell("confirmed", line2="carrier:hold")
    number = (await story.shipment())["tracking_number"]
    answer = await client.get(f"/v1/track/{number}")
    assert await redis_client.get(f"shipping:track:{number}") == answer.content
    assert 0 < await redis_client.ttl(f"shipping:track:{number}") <= 5
    await redis_client.set(f"shipping:track:{number}", b'{"from": "redis"}', ex=60)
    assert (await client.get(f"/v1/track/{number}")).json() == {"from": "redis"}


@pytest.mark.parametrize("number", ["MS4PNW3STQZHRHZ", "MS000000000000X", "x", "😀", "%00"])
async def test_an_unknown_number_is_not_found(client: httpx.AsyncClient, number: str) -> None:
    assert (await client.get(f"/v1/track/{number}")).status_code == 404


async def test_without_redis_it_is_only_slower(
    client: httpx.AsyncClient, story: Story, use_cache: Callable[[Cache], None]
) -> None:
    await story.tell("confirmed", line2="carrier:hold")
    number = (await story.shipment())["tracking_number"]
    async with Redis(port=1) as gone:
        with pytest.raises(RedisConnectionError):
            await gone.ping()
        use_cache(Cache(gone, seconds=5))
        for _ in range(3):
            assert (await client.get(f"/v1/track/{number}")).json()["status"] == "created"


async def test_a_redis_that_hangs_is_asked_once_and_then_left_alone(
    client: httpx.AsyncClient,
    story: Story,
    use_cache: Callable[[Cache], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Cache, "pause_seconds", 3600)
    await story.tell("confirmed", line2="carrier:hold")
    number = (await story.shipment())["tracking_number"]
    connections: list[asyncio.Task[None] | None] = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(asyncio.current_task())
        while await reader.read(1024):
            pass
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Redis(port=port, socket_timeout=0.05) as hanging:
        use_cache(Cache(hanging, seconds=5))
        for _ in range(5):
            assert (await client.get(f"/v1/track/{number}")).status_code == 200
        seen = len(connections)
        assert (await client.get(f"/v1/track/{number}")).status_code == 200
        assert len(connections) == seen
    await asyncio.gather(*(task for task in connections if task))
