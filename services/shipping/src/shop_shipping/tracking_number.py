"""Tracking numbers: `MS`, twelve random characters, and a check character by ISO 7064 MOD 37,36.

Twelve characters of 32 are 60 bits: a number cannot be guessed, which is all that keeps the
public tracking page private (UPU S10's eight digits could be counted through).
"""

import secrets

from shop_shared.check_character import CHARACTERS, UNMISTAKABLE, check_character

_PREFIX = "MS"
LENGTH = 15


def generate() -> str:
    """Return a new tracking number."""
    body = _PREFIX + "".join(secrets.choice(UNMISTAKABLE) for _ in range(LENGTH - 3))
    return body + check_character(body)


def is_valid(number: str) -> bool:
    """Say whether number could be one of ours."""
    if len(number) != LENGTH or not number.startswith(_PREFIX):
        return False
    if not set(number) <= set(CHARACTERS):
        return False
    return check_character(number[:-1]) == number[-1]
