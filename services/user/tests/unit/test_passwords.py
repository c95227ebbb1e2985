"""Argon2id, off the loop and in bounds."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shop_shared.http.problems import TooManyRequests
from shop_user.passwords import Passwords


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    passwords = Passwords(threads=1, waiting=2)
    yield passwords
    await passwords.close()


async def test_the_hash_is_argon2id_as_owasp_wants_it(passwords: Passwords) -> None:
    made = await passwords.hash("correct horse 1")
    assert made.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not passwords.outdated(made)
    assert await passwords.verify(made, "correct horse 1")
    assert not await passwords.verify(made, "correct horse 2")
    assert made != await passwords.hash("correct horse 1")


async def test_weaker_hashes_are_known(passwords: Passwords) -> None:
    weak = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$yP1Sk8lCT1oA2/bYPm9VqWAzEBJw3Zb1bXcCQzAPVL0"
    assert passwords.outdated(weak)


async def test_no_account_costs_the_same_work_and_never_matches(passwords: Passwords) -> None:
    assert not await passwords.verify(None, "the password of an account that does not exist")


async def test_who_would_wait_too_long_is_told_at_once(passwords: Passwords) -> None:
    answers = await asyncio.gather(
        *(passwords.hash("correct horse 1") for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(answer, TooManyRequests) for answer in answers) == 3
    assert await passwords.hash("correct horse 1")
