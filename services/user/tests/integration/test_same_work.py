"""Nothing tells who has an account, not even time: the statements are the same."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

Json = dict[str, Any]


@contextmanager
def statements(engine: AsyncEngine) -> Iterator[list[str]]:
    """Record what is asked of PostgreSQL, commits among it."""
    seen: list[str] = []

    def before(_c: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    def commit(_connection: object) -> None:
        seen.append("COMMIT")

    listeners = (("before_cursor_execute", before), ("commit", commit))
    for name, listener in listeners:
        sa.event.listen(engine.sync_engine, name, listener)
    yield seen
    for name, listener in listeners:
        sa.event.remove(engine.sync_engine, name, listener)


@pytest.fixture
async def work(
    http: httpx.AsyncClient, engine: AsyncEngine
) -> Callable[[str, Json], Awaitable[tuple[list[str], int, str]]]:
    async def work(url: str, body: Json) -> tuple[list[str], int, str]:
        with statements(engine) as seen:
            answer = await http.post(url, json=body)
        told = answer.json() if answer.content else {}
        told.pop("trace_id", None)
        return seen, answer.status_code, str(told)

    return work


async def test_registering(ada: Any, registration: Json, work: Any) -> None:
    known = await work("/v1/users", registration)
    unknown = await work("/v1/users", {**registration, "email": f"{uuid4().hex}@example.com"})
    assert known == unknown
    assert ada.email in registration["email"].lower()


async def test_asking_for_a_reset(ada: Any, work: Any) -> None:
    url = "/v1/users/password-resets"
    known = await work(url, {"email": ada.email})
    assert known == await work(url, {"email": f"{uuid4().hex}@example.com"})


async def test_a_wrong_code_of_a_reset(ada: Any, work: Any, send_codes: Any) -> None:
    url = "/v1/users/password-resets"
    await work(url, {"email": ada.email})
    await send_codes()
    wrong = {"code": "000000", "new_password": "third password 3"}
    for _ in range(7):
        known = await work(f"{url}/confirm", {**wrong, "email": ada.email})
        unknown = await work(f"{url}/confirm", {**wrong, "email": f"{uuid4().hex}@example.com"})
        assert known == unknown


async def test_moving_to_another_address(
    http: httpx.AsyncClient, engine: AsyncEngine, ada: Any, registration: Json
) -> None:
    taken = f"{uuid4().hex}@example.com"
    await http.post("/v1/users", json={**registration, "email": taken})
    seen = []
    for new_email in (taken, f"{uuid4().hex}@example.com"):
        body = {"new_email": new_email, "current_password": registration["password"]}
        with statements(engine) as asked:
            answer = await http.post("/v1/users/me/email", json=body, headers=ada.headers)
        seen.append((asked, answer.status_code, answer.text))
    assert seen[0] == seen[1]
