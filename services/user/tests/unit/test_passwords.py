"""Argon2id, off the loop and in bounds."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from argon2 import PasswordHasher

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


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [
        ("caf\u00e9 au lait", "cafe\u0301 au lait"),
        ("cafe\u0301 au lait", "caf\u00e9 au lait"),
        ("correct horse 1", "correct\u00a0horse\u30001"),
        (
            "\ud55c\uad6d\uc5b4 password",
            "\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165 password",
        ),
    ],
)
async def test_a_password_counts_however_a_keyboard_composes_it(
    passwords: Passwords, chosen: str, typed: str
) -> None:
    made = await passwords.hash(chosen)
    assert await passwords.verify(made, chosen)
    assert await passwords.verify(made, typed)
    assert not await passwords.verify(made, typed.upper())


async def test_an_older_hash_of_a_decomposed_password_still_counts(passwords: Passwords) -> None:
    password = "cafe\u0301 au lait"
    made = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)
    assert await passwords.verify(made, password)


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
