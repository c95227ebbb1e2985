"""What a service has no room for is refused at once, and nobody is held up by who is slow."""

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from .conftest import Gateway
from .test_proxy import echo, service


async def test_more_than_a_service_can_do_is_refused_at_once_and_orders_are_not_held_up(
    gateway: Gateway,
) -> None:
    go_on = asyncio.Event()

    async def slow(request: Request) -> Response:
        if request.method == "GET":
            await go_on.wait()
        return Response("done")

    client = await gateway(
        {"slow": (["/v1/slow"], service(slow=slow)), "echo": (["/v1/echo"], service(echo=echo))},
        max_at_once=2,
        max_waiting=1,
        wait_seconds=60,
    )
    reads = [asyncio.create_task(client.get("/v1/slow", timeout=60)) for _ in range(4)]
    [refused], others = await asyncio.wait(reads, return_when=asyncio.FIRST_COMPLETED)
    answer = await refused
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["code"] == "unavailable"
    assert (await client.post("/v1/slow")).status_code == 200
    assert (await client.get("/v1/echo")).status_code == 201
    go_on.set()
    assert {(await each).status_code for each in others} == {200}
    assert (await client.get("/v1/slow")).status_code == 200


async def test_an_endless_answer_takes_no_place_from_others(gateway: Gateway) -> None:
    async def events(_: Request) -> StreamingResponse:
        async def ticks() -> AsyncIterator[bytes]:
            while True:
                yield b"data: tick\n\n"
                await asyncio.sleep(0.01)

        return StreamingResponse(ticks(), media_type="text/event-stream")

    client = await gateway(
        {"events": (["/v1/events"], service(events=events))}, max_at_once=1, max_waiting=0
    )
    async with client.stream("GET", "/v1/events"), client.stream("GET", "/v1/events") as second:
        assert second.status_code == 200


async def test_who_is_slow_with_a_body_takes_no_place_from_others(gateway: Gateway) -> None:
    client = await gateway(
        {"echo": (["/v1/echo"], service(echo=echo))}, max_at_once=1, max_waiting=0
    )
    begun = asyncio.Event()
    go_on = asyncio.Event()

    async def slow_body() -> AsyncIterator[bytes]:
        yield b"a"
        begun.set()
        await go_on.wait()
        yield b"b"

    slow = [asyncio.create_task(client.post("/v1/echo", content=slow_body())) for _ in range(2)]
    await begun.wait()
    assert (await client.post("/v1/echo", content=b"c")).status_code == 201
    go_on.set()
    assert [(await each).json()["body"] for each in slow] == ["ab", "ab"]
