"""Wrong passwords are counted once each, whatever the spelling, until the password changes."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

GRANT = {"grant_type": "password", "email": "ada@example.com", "password": "correct horse 1"}


async def statuses(http: httpx.AsyncClient, count: int, **changes: str) -> list[int]:
    """Sign in that often, one after another."""
    body = {**GRANT, **changes}
    return [(await http.post("/v1/auth/token", json=body)).status_code for _ in range(count)]


async def test_who_has_reset_the_password_gets_in(http: httpx.AsyncClient, users: Any) -> None:
    assert await statuses(http, 11, password="wrong") == [401] * 10 + [429]
    assert await statuses(http, 1) == [429]
    users.changed_at, users.password = datetime.now(UTC), "battery staple 2"
    assert await statuses(http, 1, password="battery staple 2") == [200]
    # The change ends one count, not all that follow.
    assert await statuses(http, 11, password="wrong") == [401] * 10 + [429]
    assert await statuses(http, 1, password="battery staple 2") == [429]


async def test_a_reset_ends_a_count_once_however_many_ask(
    http: httpx.AsyncClient, users: Any
) -> None:
    await statuses(http, 10, password="wrong")
    users.changed_at = datetime.now(UTC)
    answers = await asyncio.gather(*(statuses(http, 1, password="wrong") for _ in range(40)))
    assert sorted(status for [status] in answers) == [401] * 10 + [429] * 30


async def test_attempts_at_once_are_counted_like_those_in_turn(
    http: httpx.AsyncClient, users: Any
) -> None:
    users.pause = 0.2
    answers = await asyncio.gather(*(statuses(http, 1, password="wrong") for _ in range(50)))
    assert sorted(status for [status] in answers) == [401] * 10 + [429] * 40
    assert users.asked == 10


@pytest.mark.parametrize(
    "spellings",
    [
        ("jos\u00e9.{}@example.com", "jose\u0301.{}@example.com", "JOSE\u0301.{}@EXAMPLE.com"),
        (
            "ada.{}@b\u00fccher.example",
            "ada.{}@xn--bcher-kva.example",
            " Ada.{}@bu\u0308cher.example",
        ),
        ("no address {}", "NO ADDRESS {} ", " no Address {}"),
    ],
)
async def test_every_spelling_counts_to_one_limit(
    http: httpx.AsyncClient, spellings: tuple[str, ...]
) -> None:
    number = uuid4().hex
    seen: list[int] = []
    for turn in range(12):
        email = spellings[turn % len(spellings)].format(number)
        seen += await statuses(http, 1, email=email, password="wrong")
    assert seen == [401] * 10 + [429] * 2


async def test_what_was_not_a_wrong_password_does_not_count(
    http: httpx.AsyncClient, users: Any
) -> None:
    assert await statuses(http, 9, password="wrong") == [401] * 9
    users.is_away = True
    assert await statuses(http, 5) == [503] * 5
    users.is_away = False
    users.is_busy = True
    assert await statuses(http, 15) == [429] * 15
    users.is_busy = False
    assert await statuses(http, 1) == [200]
    assert await statuses(http, 10, password="wrong") == [401] * 10


async def test_an_attempt_that_its_caller_gave_up_does_not_count(
    http: httpx.AsyncClient, users: Any
) -> None:
    """As everybody does who signs in while the shop is slow, and asks again."""
    assert await statuses(http, 9, password="wrong") == [401] * 9
    users.pause = 60
    for _ in range(3):
        answer = await http.post(
            "/v1/auth/token", json=GRANT, headers={"X-Request-Timeout-Ms": "500"}
        )
        assert answer.status_code == 504
    users.pause = 0
    assert await statuses(http, 1) == [200]
