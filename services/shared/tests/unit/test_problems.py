"""Every HTTP status can be a problem."""

from http import HTTPStatus

import orjson
import pytest
from fastapi import FastAPI, Request
from starlette.types import Message

from shop_shared.http.problems import install, of_status, response


@pytest.mark.parametrize("status", [status.value for status in HTTPStatus if status >= 400])
def test_every_status_makes_a_problem(status: int) -> None:
    made = response(of_status(status, "why", {"X-Own": "1"}))
    body = orjson.loads(made.body)
    assert (made.status_code, body["status"], body["detail"]) == (status, status, "why")
    assert made.headers["x-own"] == "1"
    assert body["code"] == body["code"].lower()


async def test_who_leaves_within_a_body_is_no_failure_of_the_service() -> None:
    app = FastAPI()
    install(app)

    @app.post("/")
    async def read(request: Request) -> int:
        return len(await request.body())

    came: list[Message] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return came.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    await app(scope, receive, send)
    assert sent[0]["status"] == 499
