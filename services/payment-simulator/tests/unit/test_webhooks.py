"""Webhooks are sent until they are taken, as often and in the sequence that was ordered."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from payment_simulator.faults import Fault
from payment_simulator.webhooks import Webhook, Webhooks


class Receiver:
    """Answers as told, then 200; remembers what came."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.got: list[bytes] = []
        self.app = FastAPI()
        self.app.add_api_route("/{provider}", self._take, methods=["POST"])

    async def _take(self, request: Request) -> Response:
        self.got.append(await request.body())
        return Response(status_code=self.answers.pop(0) if self.answers else 200)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def webhooks(receiver: Receiver) -> AsyncIterator[Webhooks]:
    webhooks = Webhooks("http://shop")
    await webhooks._http.aclose()
    webhooks._http = httpx.AsyncClient(transport=httpx.ASGITransport(receiver.app))
    yield webhooks
    await webhooks.close()


def hook(body: str) -> Webhook:
    return Webhook("stripe", {}, body.encode())


@pytest.mark.parametrize(
    ("fault", "got"),
    [
        (Fault.NONE, [b"1", b"2"]),
        (Fault.REORDERED_WEBHOOKS, [b"2", b"1"]),
        (Fault.DUPLICATE_WEBHOOKS, [b"1", b"2"] * 3),
        (Fault.NO_WEBHOOK, []),
    ],
)
async def test_they_come_as_ordered(
    webhooks: Webhooks, receiver: Receiver, fault: Fault, got: list[bytes]
) -> None:
    webhooks.send(hook("1"), hook("2"), fault=fault)
    await webhooks.idle()
    assert receiver.got == got


async def test_one_that_fails_comes_again_and_one_that_is_refused_does_not(
    webhooks: Webhooks, receiver: Receiver
) -> None:
    receiver.answers = [503, 500, 200, 400]
    webhooks.send(hook("1"))
    await webhooks.idle()
    webhooks.send(hook("2"))
    await webhooks.idle()
    assert receiver.got == [b"1", b"1", b"1", b"2"]
    assert [status for _, status in webhooks.sent] == [503, 500, 200, 400]
