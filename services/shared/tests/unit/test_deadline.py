"""What nobody waits for any more is cancelled; a slow caller costs the answering side nothing."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message, Receive, Scope, Send

from shop_shared.http.deadline import Deadline, EnforceDeadline

App = Callable[[Scope, Receive, Send], Awaitable[None]]


async def call(app: App, *, milliseconds: bytes, body_after: float = 0) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.sleep(body_after)
        return {"type": "http.request", "body": b"{}"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"x-request-timeout-ms", milliseconds)]
    scope = {"type": "http", "path": "/", "method": "GET", "headers": headers}
    await EnforceDeadline(app)(scope, receive, send)
    return sent


def answering(*, after: float, pause: float = 0) -> tuple[App, list[str]]:
    seen: list[str] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await receive()
            await asyncio.sleep(after)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await asyncio.sleep(pause)
            await send({"type": "http.response.body", "body": b"done"})
            seen.append("done")
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    return app, seen


async def test_work_past_the_deadline_is_cancelled_and_answered_504() -> None:
    app, seen = answering(after=3600)
    sent = await call(app, milliseconds=b"50")
    assert (sent[0]["status"], seen) == (504, ["cancelled"])


@pytest.mark.parametrize("value", [b"", b"0x10", b"-5", b"1.5", b"9" * 40, b"\xd9\xa5"])
async def test_what_is_no_number_of_milliseconds_limits_nothing(value: bytes) -> None:
    app, seen = answering(after=0.01)
    assert (await call(app, milliseconds=value))[0]["status"] == 200
    assert seen == ["done"]


async def test_a_begun_answer_takes_as_long_as_it_takes() -> None:
    app, seen = answering(after=0, pause=2)
    assert (await call(app, milliseconds=b"1500"))[-1]["body"] == b"done"
    assert seen == ["done"]


async def test_a_slow_body_takes_nothing_of_the_time() -> None:
    app, seen = answering(after=0)
    assert (await call(app, milliseconds=b"1500", body_after=2))[0]["status"] == 200
    assert seen == ["done"]


async def test_a_timeout_of_the_application_itself_stays_its_own() -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise TimeoutError("a store's")

    with pytest.raises(TimeoutError, match="a store's"):
        await call(app, milliseconds=b"10000")


async def test_a_paused_deadline_stands_still() -> None:
    deadline = Deadline(1.5)
    async with deadline.limit():
        with deadline.paused():
            await asyncio.sleep(2)
        assert 0 < deadline.left <= 1.5
    with pytest.raises(TimeoutError):
        async with deadline.limit():
            await asyncio.sleep(3600)
