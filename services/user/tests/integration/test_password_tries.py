"""The present password cannot be guessed with a token, on whichever route it is asked for."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.http.app_state import get_state
from shop_shared.server import Service
from shop_shared.testing import said
from shop_user.models import EmailChange
from shop_user.passwords import Passwords
from shop_user.service import email_change, password_change
from shop_user.service.accounts import set_password
from shop_user.service.present_password import WrongPassword
from shop_user.state import UserState

from .conftest import last_code

PASSWORD = "correct horse 1"


async def change_password(http: httpx.AsyncClient, person: Any, password: str) -> httpx.Response:
    body = {"current_password": password, "new_password": PASSWORD}
    return await http.post("/v1/users/me/password", json=body, headers=person.headers)


async def change_email(http: httpx.AsyncClient, person: Any, password: str) -> httpx.Response:
    body = {"new_email": f"{uuid4().hex}@example.com", "current_password": password}
    return await http.post("/v1/users/me/email", json=body, headers=person.headers)


@pytest.mark.parametrize("ask", [change_password, change_email])
async def test_ten_wrong_passwords_end_the_tries(
    ask: Any, http: httpx.AsyncClient, engine: AsyncEngine, ada: Any
) -> None:
    answers = [(await ask(http, ada, "wrong")).status_code for _ in range(11)]
    assert answers == [403] * 10 + [429]
    refused = await ask(http, ada, PASSWORD)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 900
    # The other route is no way around it.
    assert (await change_password(http, ada, PASSWORD)).status_code == 429
    assert (await change_email(http, ada, PASSWORD)).status_code == 429
    async with engine.begin() as connection:
        await connection.execute(
            sa.text(
                "UPDATE password_tries SET since = since - interval '15 minutes'"
                " WHERE user_id = :id"
            ),
            {"id": ada.id},
        )
    assert (await ask(http, ada, PASSWORD)).status_code in {202, 204}


async def test_tries_at_once_are_counted_like_those_in_turn(
    http: httpx.AsyncClient, ada: Any
) -> None:
    answers = await asyncio.gather(*(change_password(http, ada, "wrong") for _ in range(30)))
    assert Counter(answer.status_code for answer in answers) == {403: 10, 429: 20}


async def test_the_right_password_ends_the_count(http: httpx.AsyncClient, ada: Any) -> None:
    for _ in range(3):
        for _ in range(9):
            assert (await change_password(http, ada, "wrong")).status_code == 403
        assert (await change_password(http, ada, PASSWORD)).status_code == 204


async def test_a_reset_ends_the_count(
    http: httpx.AsyncClient, engine: AsyncEngine, ada: Any, send_codes: Any
) -> None:
    for _ in range(11):
        refused = await change_email(http, ada, "wrong")
    assert refused.status_code == 429
    await http.post("/v1/users/password-resets", json={"email": ada.email})
    await send_codes()
    code, new = await last_code(engine, ada.id), "battery staple 2"
    reset = {"email": ada.email, "code": code, "new_password": new}
    answer = await http.post("/v1/users/password-resets/confirm", json=reset)
    assert answer.status_code == 204
    assert (await change_email(http, ada, new)).status_code == 202


async def test_a_try_that_was_not_checked_does_not_count(
    http: httpx.AsyncClient, service: Service, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords: Passwords = get_state(service.app, UserState).passwords
    monkeypatch.setattr(passwords, "_free", 0)
    answers = [(await change_password(http, ada, PASSWORD)).status_code for _ in range(15)]
    assert answers == [429] * 15
    monkeypatch.setattr(passwords, "_free", 8)
    assert (await change_password(http, ada, PASSWORD)).status_code == 204


@pytest.mark.parametrize("path", ["/v1/users", "/v1/users/password-resets/confirm"])
async def test_a_crowd_that_hashes_is_not_a_service_that_is_broken(
    path: str, http: httpx.AsyncClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else 25 callers at once would open the gateway's breaker for everybody."""
    passwords: Passwords = get_state(service.app, UserState).passwords
    monkeypatch.setattr(passwords, "_free", 2)
    email = f"{uuid4().hex}@example.com"
    body = {"email": email, "password": PASSWORD, "name": "Ada"}
    if path.endswith("confirm"):
        body = {"email": email, "new_password": PASSWORD, "code": "123456"}
    answers = await asyncio.gather(*(http.post(path, json=body) for _ in range(30)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert all(answer.status_code < 500 for answer in answers)
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}


class Slow(Passwords):
    """As many sign in at once."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Take longer than anybody waits."""
        self.begun.set()
        await asyncio.Event().wait()
        return True


async def test_a_try_that_its_caller_gave_up_does_not_count(
    http: httpx.AsyncClient, engine: AsyncEngine, ada: Any
) -> None:
    for _ in range(10):
        passwords = Slow()
        asked = asyncio.create_task(
            password_change.change(
                engine, passwords, ada.id, current=PASSWORD, new=PASSWORD, session_id=None
            )
        )
        await passwords.begun.wait()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await passwords.close()
    assert (await change_password(http, ada, PASSWORD)).status_code == 204


class Overtaken(Passwords):
    """What it checks is right, and reset by the owner before anything comes of it."""

    def __init__(self, reset: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._reset = reset

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Check, and then let the owner reset it."""
        is_right = await super().verify(password_hash, password)
        await self._reset()
        return is_right


@pytest.mark.parametrize("what", ["password", "email"])
async def test_who_knows_a_password_that_is_reset_just_then_changes_nothing(
    what: str, http: httpx.AsyncClient, engine: AsyncEngine, ada: Any, auth: dict[str, str]
) -> None:
    new = "battery staple 2"

    async def reset() -> None:
        async with engine.begin() as connection:
            await set_password(connection, ada.id, await hashing.hash(new), kept_session_id=None)

    hashing = Passwords()
    passwords = Overtaken(reset)
    thief = f"{uuid4().hex}@example.com"
    if what == "email":
        wanted = EmailChange(new_email=thief, current_password=PASSWORD)
        asked = email_change.request(engine, passwords, ada.id, wanted)
    else:
        asked = password_change.change(
            engine, passwords, ada.id, current=PASSWORD, new="thief's own 1", session_id=None
        )
    with pytest.raises(WrongPassword):
        await asked
    credentials = {"email": ada.email, "password": new}
    verified = await http.post("/internal/v1/credentials:verify", json=credentials, headers=auth)
    assert verified.status_code == 200
    assert thief not in str(await said(engine, ada.id))
    for each in (hashing, passwords):
        await each.close()
